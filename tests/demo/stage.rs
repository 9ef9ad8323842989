//! The demonstration's establishment: made anew each time, never under the feet of one that runs.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;

use crate::Failure;
use crate::support::certificate::TEST_POLICY;
use crate::support::configuration::{METHODS, SERVICES, SIMPLIFIED_METHOD};
use crate::support::daemons::Daemons;
use crate::support::establishment::{Establishment, write};
use crate::support::pki::CaKeys;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};

/// Where everything is, from the root of the source tree.
pub(crate) const FOLDER: &str = "target/demo";
/// A socket's path has 107 bytes at most (unix(7)); the longest below the folder takes 30.
const FOLDER_LEN_MAX: usize = 107 - 30;
/// Longer than any life of the demonstration.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The establishment with its daemons running. Dropping it stops them; the files stay.
pub(crate) struct Stage {
    pub(crate) establishment: Establishment,
    // Dropped in this order: watchers end with the daemons' last words, the lock goes last.
    daemons: Option<Daemons>,
    watchers: Vec<JoinHandle<()>>,
    stopping: Arc<AtomicBool>,
    _lock: File,
}

impl Stage {
    /// Takes the lock, makes the folder anew and starts everything; Err when another demonstration runs.
    pub(crate) fn set() -> Result<Stage, Failure> {
        Stage::set_with(|plan| plan)
    }

    /// The same of a plan that is changed before it is laid out.
    pub(crate) fn set_with(change: impl FnOnce(Plan) -> Plan) -> Result<Stage, Failure> {
        let folder = std::env::current_dir().unwrap().join(FOLDER);
        if folder.as_os_str().len() > FOLDER_LEN_MAX {
            return Err(Failure::usage(format!(
                "{} : chemin trop long pour un socket Unix ; placez les sources dans un dossier au nom plus court",
                folder.display()
            )));
        }
        let lock = lock(&folder.with_extension("lock"))?;
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        println!("Établissement de démonstration : {FOLDER} (PKI de test, clés générées dans SoftHSM)");
        let establishment = lay_out(&folder, change);
        let signers = [establishment.signer_instances(), Vec::from_iter(establishment.audit_instance())].concat();
        println!("Démarrage de sceaud et de {}", signers.join(", "));
        let daemons = Daemons::start(&establishment);
        let stopping = Arc::new(AtomicBool::new(false));
        let mut stage =
            Stage { establishment, daemons: Some(daemons), watchers: Vec::new(), stopping, _lock: lock };
        stage.watch();
        Ok(stage)
    }

    /// The running programs.
    pub(crate) fn daemons(&self) -> &Daemons {
        self.daemons.as_ref().unwrap()
    }

    /// Tells of programs that ended for good.
    fn watch(&mut self) {
        let daemons = self.daemons.as_ref().unwrap();
        for daemon in daemons.signers.iter().chain(&daemons.audit).chain([&daemons.sceaud]) {
            let (notify, name) = (Arc::clone(&daemon.notify), daemon.name.clone());
            let stopping = Arc::clone(&self.stopping);
            self.watchers.push(std::thread::spawn(move || {
                let ended = notify.wait(FOREVER, |heard| heard.ended.is_some());
                if let (Ok(heard), false) = (ended, stopping.load(Ordering::Relaxed)) {
                    let why = heard.ended.unwrap_or_default();
                    eprintln!("{name} s'est arrêté ({why}) et ne sera pas relancé : voir {FOLDER}/log/{name}.log");
                }
            }));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.daemons.take();
        for watcher in self.watchers.drain(..) {
            let _ = watcher.join();
        }
    }
}

fn lock(path: &Path) -> Result<File, Failure> {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let lock = File::options().create(true).truncate(false).write(true).open(path).unwrap();
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Failure::busy(format!(
            "{FOLDER} est en service (un autre `make serve` ou `make run`) : arrêtez-le d'abord, par Ctrl-C ou SIGTERM"
        ))),
        Err(TryLockError::Error(e)) => Err(Failure::usage(format!("{} : {e}", path.display()))),
    }
}

fn lay_out(folder: &Path, change: impl FnOnce(Plan) -> Plan) -> Establishment {
    // Consultation alone may be left unsaid by a caller; the emergency physician shows the choice between two services.
    let mut practitioners = Practitioner::all();
    let emergency = Practitioner::emergency_physician().id;
    for practitioner in practitioners.iter_mut().filter(|who| who.id != emergency) {
        practitioner.services = vec![SERVICES[0].into()];
    }
    let plan = Plan::new("demo").in_folder(folder).ca_keys(CaKeys::Rsa4096).fresh_keys();
    // The simplified method is declared too, so that its profile can be tried; demo.json lists those of the default profile.
    let methods: Vec<&str> = METHODS.into_iter().chain([SIMPLIFIED_METHOD]).collect();
    let plan = plan.methods(&methods).processes(2).policy(TEST_POLICY).practitioners(practitioners);
    let establishment = change(plan).build();
    let ids: Vec<&str> = establishment.practitioners.iter().map(|who| who.id.as_str()).collect();
    let known = json!({
        "practitioners": ids,
        "patients": PATIENTS,
        "structures": establishment.structures,
        "services": SERVICES,
        "methods": METHODS,
    });
    write(&folder.join("demo.json"), &format!("{known:#}\n"), 0o644);
    establishment
}
