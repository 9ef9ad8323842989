//! Applications that are refused whatever they ask, or soon will be: told in the log and in Status.

use super::Daemon;
use super::status::document::Trouble;
use crate::policy::review::homologations;

/// Ended: everything is refused; the rule of `sceau check` has the same name.
const ENDED: &str = "homologation-expired";
/// Ends soon; likewise.
const ENDS_SOON: &str = "homologation-ends-soon";

impl Daemon {
    /// In words that name no application: any local user may ask.
    pub(super) fn application_troubles(&self) -> Vec<Trouble> {
        let in_force = self.registers.in_force();
        let applications = &in_force.applications.register;
        let (mut ended, mut ending) = (0, 0);
        for (_, days_left) in homologations(applications, self.clock.now()) {
            *(if days_left < 0 { &mut ended } else { &mut ending }) += 1;
        }
        let mut troubles = Vec::new();
        let mut tell = |count: usize, reason, words: &str| {
            if count > 0 {
                let message = format!("{count} {words} ; sceau applications review dit lesquelles");
                troubles.push(Trouble { reason, message: message.into() });
            }
        };
        tell(ended, ENDED, "applications dont l'homologation DMP est échue, tout leur est refusé");
        tell(ending, ENDS_SOON, "applications dont l'homologation DMP finit dans 60 jours au plus");
        if in_force.left_out > 0 {
            let words = "applications du registre n'ont pas d'utilisateur Unix sur cette machine ; le journal de sceaud dit lesquelles, créez-le puis relancez sceaud";
            troubles.push(Trouble {
                reason: "applications-left-out",
                message: format!("{} {words}", in_force.left_out).into(),
            });
        }
        troubles
    }

    /// The daily alarm.
    pub(super) fn homologation_alarms(&self) {
        for (application, days_left) in homologations(&self.registers.applications(), self.clock.now()) {
            tracing::warn!(
                application = application.user,
                days_left,
                "homologation alarm: the application's homologation ends soon, or has ended; register the new one"
            );
        }
    }
}
