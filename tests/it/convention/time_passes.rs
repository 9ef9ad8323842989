//! A convention that was in force ends: first it is told, then nothing is issued any more.

use serde_json::json;

use super::{day, opens, plan, told, troubles};
use crate::clock::Shim;
use crate::doorstep::{DoorAlone, until};
use crate::support::convention::CONVENTION;
use crate::support::daemons::Daemons;
use crate::support::practitioners::PATIENTS;

#[test]
fn a_convention_whose_last_day_is_over_issues_nothing_more() {
    let establishment = plan().production().build();
    establishment.edit_file(CONVENTION, |table| table["convention"]["until"] = day(1));
    ["basile", "elise"].iter().for_each(|name| establishment.sign_convention(name));
    let clock = Shim::of(&establishment);
    let _daemons = Daemons::start_with(&establishment, &clock.environment());
    let mut client = establishment.client();
    let session = client.open_session(crate::doorstep::physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    // Three days pass; a clock that jumps is believed once operators accept it.
    clock.is_off(3 * 24 * 3_600_000);
    until("the jump is seen", || troubles(&establishment).contains(&"clock-jump".to_owned()));
    establishment.order_at(72, "clock-accept", json!({}), &["anne", "denis"]).unwrap();
    until("the clock is accepted", || !troubles(&establishment).contains(&"clock-jump".to_owned()));
    assert_eq!(opens(&establishment), r#"("Unavailable", "convention")"#);
    let refused = client.consult(&session, PATIENTS[0]).unwrap_err();
    assert_eq!(refused.brief(), ("Unavailable", "convention"));
    let status = client.status();
    assert_eq!((&status["state"], &status["ready"]), (&json!("unprovisioned"), &json!(false)), "{status}");
    assert_eq!(
        (told(&establishment)["in_force"].as_bool(), troubles(&establishment)[0].as_str()),
        (Some(false), "convention")
    );
    // The same again is no way out; the next one is.
    assert_eq!(super::reason(establishment.take_convention()), "convention-ended");
    establishment.renew_convention(|table| table["convention"]["until"] = day(400));
    establishment.take_convention().unwrap();
    assert_eq!(client.status()["state"], "operational");
}

#[test]
fn the_end_is_told_sixty_days_before_in_status_log_and_check() {
    for (days, soon) in [(61, false), (60, true), (59, true), (30, true), (7, true)] {
        let establishment = plan().production().build();
        establishment.edit_file(CONVENTION, |table| table["convention"]["until"] = day(days));
        ["basile", "elise"].iter().for_each(|name| establishment.sign_convention(name));
        let door =
            DoorAlone { sceaud: crate::support::daemon::Daemon::sceaud(&establishment, &[]), establishment };
        until("sceaud listens", || {
            crate::support::varlink::Client::connect(&door.establishment.admin_socket()).is_ok()
        });
        door.establishment.enforce_convention();
        assert_eq!(troubles(&door.establishment).contains(&"convention-ends-soon".to_owned()), soon, "{days}");
        // The next life tells it in the log at once.
        door.sceaud.kill();
        door.sceaud.wait_starts(2);
        if soon {
            let threshold = [7, 30, 60].into_iter().find(|threshold| days <= *threshold).unwrap();
            let line = format!("threshold_days={threshold}");
            until("the alarm is in the log", || {
                let log = door.sceaud.log();
                log.lines().any(|said| said.contains("convention alarm") && said.contains(&line))
            });
        }
    }
}
