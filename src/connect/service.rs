//! Life as a Windows service: started and stopped by the service control manager.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::{define_windows_service, service_dispatcher};

use super::run;
use super::settings::Settings;
use crate::sys::log;
use crate::usage::EXIT_UNAVAILABLE;

/// Name of the service.
pub(super) const NAME: &str = "sceau-connect";
/// Events of a service have no other place.
const LOG_FILE: &str = "sceau-connect.log";
/// What the manager is told when the companion does not run; the log says why.
const FAILED: u32 = 1;
/// What the manager waits while it stops.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// The entry point that Windows calls takes nothing of ours along.
static CONFIG: OnceLock<OsString> = OnceLock::new();

define_windows_service!(ffi_service_main, service_main);

/// Hands this process to the service control manager; returns when the service has ended.
pub(super) fn main(config: &Path) -> ExitCode {
    let _ = CONFIG.set(config.as_os_str().to_owned());
    match service_dispatcher::start(NAME, ffi_service_main) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => {
            eprintln!(
                "sceau-connect : --service est pour le gestionnaire de services ; lancez « sceau-connect run » sans lui"
            );
            ExitCode::from(EXIT_UNAVAILABLE)
        }
    }
}

fn service_main(_: Vec<OsString>) {
    let Some(config) = CONFIG.get().map(Path::new) else { return };
    if let Ok(settings) = Settings::read(config) {
        let _ = log::init_to(&settings.folder.join(LOG_FILE));
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let stop = Mutex::new(Some(stop));
    let handled = service_control_handler::register(NAME, move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown => {
            if let Some(stop) = stop.lock().unwrap_or_else(PoisonError::into_inner).take() {
                let _ = stop.send(());
            }
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    });
    let Ok(handle) = handled else { return };
    tell(handle, ServiceState::Running, ServiceExitCode::NO_ERROR);
    let outcome = run::run(config, async move {
        let _ = stopped.await;
        tell(handle, ServiceState::StopPending, ServiceExitCode::NO_ERROR);
    });
    let code = match outcome {
        Ok(()) => ServiceExitCode::NO_ERROR,
        Err(not_run) => {
            tracing::error!(cause = %not_run, "sceau-connect does not run");
            ServiceExitCode::ServiceSpecific(FAILED)
        }
    };
    tell(handle, ServiceState::Stopped, code);
}

fn tell(handle: ServiceStatusHandle, state: ServiceState, exit_code: ServiceExitCode) {
    let running = state == ServiceState::Running;
    let controls_accepted = if running {
        ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN
    } else {
        ServiceControlAccept::empty()
    };
    let wait_hint = if state == ServiceState::StopPending { STOP_WAIT } else { Duration::ZERO };
    let service_type = ServiceType::OWN_PROCESS;
    let status = ServiceStatus {
        service_type,
        current_state: state,
        controls_accepted,
        exit_code,
        checkpoint: 0,
        wait_hint,
        process_id: None,
    };
    if let Err(cause) = handle.set_service_status(status) {
        tracing::error!(%cause, "the service control manager was not told");
    }
}
