//! The companion as a Windows service: an account of its own, its folder, its entry.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceFailureActions,
    ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use crate::connect::identity::{IdentityError, make_folder};
use crate::connect::service::NAME;
use crate::connect::settings::Settings;
use crate::tables::ConfigError;

/// The account that Windows makes for this service alone.
const ACCOUNT: &str = r"NT SERVICE\sceau-connect";
/// The system and the administrators, by their security identifiers: their names are the language's.
const SYSTEM: &str = "*S-1-5-18";
const ADMINISTRATORS: &str = "*S-1-5-32-544";
/// Pause before a service that crashed is started again.
const RESTART_AFTER: Duration = Duration::from_millis(500);

/// Longest wait for a service that stops, and pause between two looks.
const STOP_WAIT: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Why the service is not installed, or not removed.
#[derive(Debug, thiserror::Error)]
pub(in crate::connect) enum NotDone {
    #[error("{0}")]
    Settings(#[from] ConfigError),
    #[error("{0}")]
    Folder(#[from] IdentityError),
    #[error("les droits de {path} ne peuvent pas être posés ({cause}) ; lancez la commande en administrateur")]
    Rights { path: String, cause: io::Error },
    #[error("le gestionnaire de services refuse ({0}) ; lancez la commande en administrateur")]
    Service(#[from] windows_service::Error),
    #[error("le système refuse ce qu'il faut ({0})")]
    System(#[from] io::Error),
}

/// Service entry, rights of the folder, start. Calling again starts what is there.
pub(in crate::connect) fn install(config: &Path) -> Result<String, NotDone> {
    let settings = Settings::read(config)?;
    let manager = ServiceManager::local_computer(
        None::<&str>,
        ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE,
    )?;
    let info = ServiceInfo {
        name: OsString::from(NAME),
        display_name: OsString::from("Sceau : compagnon du serveur d'applications"),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: std::env::current_exe()?,
        launch_arguments: ["run", "--service", "--config"]
            .map(OsString::from)
            .into_iter()
            .chain([config.into()])
            .collect(),
        dependencies: Vec::new(),
        account_name: Some(OsString::from(ACCOUNT)),
        account_password: None,
    };
    let access =
        ServiceAccess::CHANGE_CONFIG | ServiceAccess::START | ServiceAccess::STOP | ServiceAccess::QUERY_STATUS;
    let service = manager.open_service(NAME, access).or_else(|_| manager.create_service(&info, access))?;
    service.update_failure_actions(ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::Never,
        reboot_msg: None,
        command: None,
        actions: Some(vec![ServiceAction { action_type: ServiceActionType::Restart, delay: RESTART_AFTER }]),
    })?;
    make_folder(&settings.folder)?;
    rights(&settings.folder, &[&full(SYSTEM), &full(ADMINISTRATORS), &format!("{ACCOUNT}:(OI)(CI)M")])?;
    // One that runs already takes up what was enrolled or configured since.
    if service.query_status()?.current_state != ServiceState::Stopped {
        service.stop()?;
        wait_stopped(&service)?;
    }
    service.start::<&str>(&[])?;
    Ok(format!("Le service {NAME} est installé et lancé sous le compte {ACCOUNT}. Voir : sc query {NAME}"))
}

/// Waits for a service that was told to stop.
fn wait_stopped(service: &Service) -> Result<(), NotDone> {
    let until = Instant::now() + STOP_WAIT;
    while service.query_status()?.current_state != ServiceState::Stopped {
        if Instant::now() >= until {
            return Err(NotDone::System(io::ErrorKind::TimedOut.into()));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// Stop, entry; the folder and the configuration stay.
pub(in crate::connect) fn uninstall(config: &Path) -> Result<String, NotDone> {
    let settings = Settings::read(config)?;
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT)?;
    let service = manager.open_service(NAME, ServiceAccess::STOP | ServiceAccess::DELETE)?;
    // One that does not run has nothing to stop.
    let _ = service.stop();
    service.delete()?;
    Ok(format!(
        "Le service {NAME} est retiré. La clé reste dans {} : effacez ce dossier si ce serveur ne sert plus, et faites retirer \
         son certificat par l'exploitant.",
        settings.folder.display()
    ))
}

fn full(who: &str) -> String {
    format!("{who}:(OI)(CI)F")
}

/// Takes inherited rights away and gives exactly these (icacls).
fn rights(path: &Path, grants: &[&str]) -> Result<(), NotDone> {
    let mut icacls = Command::new("icacls");
    icacls.arg(path).args(["/inheritance:r", "/grant:r"]).args(grants);
    let failed = |cause| NotDone::Rights { path: path.display().to_string(), cause };
    let ended = icacls.output().map_err(failed)?;
    if ended.status.success() { Ok(()) } else { Err(failed(io::ErrorKind::PermissionDenied.into())) }
}

/// The folder of the key, for the system, the administrators and whoever makes it; the service's account is added by `install`.
pub(in crate::connect) fn close(folder: &Path) -> io::Result<()> {
    // The service may be there already, when a second appliance is introduced: its own right is granted again, where it exists.
    rights(folder, &[&full(SYSTEM), &full(ADMINISTRATORS)])
        .map_err(|_| io::Error::from(io::ErrorKind::PermissionDenied))?;
    let mut icacls = Command::new("icacls");
    let _ = icacls.arg(folder).args(["/grant", &format!("{ACCOUNT}:(OI)(CI)M")]).output();
    Ok(())
}

/// A file that one user may read.
pub(in crate::connect) fn only_for(path: &Path, user: &str) -> io::Result<()> {
    let grants = [format!("{SYSTEM}:F"), format!("{ADMINISTRATORS}:F"), format!("{user}:R")];
    let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
    rights(path, &grants).map_err(|_| io::Error::from(io::ErrorKind::PermissionDenied))
}
