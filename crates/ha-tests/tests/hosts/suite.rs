//! Runs the tests one after the other: each has the hosts for itself, and leaves them whole.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use ha_tests::hosts::{HostsOptions, newer_engine};
use libtest_mimic::{Arguments, Trial};

use crate::world::Worlds;
use crate::{by_hand, cluster, disk, engines, gone, links, lost, power, separate, ssh, three, tls, upgrade, whole};

/// Which hosts a test uses.
#[derive(Clone, Copy)]
enum Test {
    /// The two hosts that most tests share.
    Pair(fn(&crate::world::World)),
    /// The same, by way of an `sshd`.
    Ssh(fn(&crate::world::World)),
    /// Two hosts with disks of their own.
    Disk(fn(&crate::world::World)),
    /// Hosts that the test makes itself.
    Own(fn()),
    /// Likewise, and the programs of an engine that is newer than the machine's.
    Newer(fn(&Path)),
}

/// Names a test after its function.
macro_rules! tests {
    ($($kind:ident $module:ident::$name:ident,)+) => {
        [$((concat!(stringify!($module), "::", stringify!($name)), Test::$kind($module::$name))),+]
    };
}

fn tests() -> Vec<(&'static str, Test)> {
    tests![
        Own gone::nothing_is_left_after_a_drop,
        Own gone::nothing_is_left_after_a_panic,
        Own gone::what_a_killed_process_left_is_removed_by_the_next,
        Own gone::a_start_that_fails_leaves_nothing,
        Own gone::three_hosts_reach_each_other,
        Pair separate::engines_addresses_and_names_are_each_hosts_own,
        Pair separate::a_published_port_answers_hosts_containers_and_the_machine,
        Pair links::a_cut_stalls_what_is_connected_and_answers_nobody,
        Pair links::a_cut_to_the_machine_leaves_the_hosts_connected,
        Pair links::one_way_is_one_way,
        Pair links::a_port_is_cut_alone,
        Pair links::an_isolated_host_is_silent_but_for_its_socket,
        Pair links::latency_is_added_to_each_way,
        Pair power::a_frozen_host_accepts_and_does_not_answer,
        Pair power::power_off_is_silent_and_boot_brings_volumes_and_containers_back,
        Pair power::a_shut_down_lets_containers_end_well,
        Pair power::faults_outlive_a_power_off,
        Pair engines::a_stopped_engine_stays_stopped_and_is_the_same_afterwards,
        Pair engines::a_killed_engine_comes_back,
        Pair tls::only_who_proves_itself_is_answered,
        Ssh ssh::a_known_host_answers_and_a_stranger_is_refused,
        Ssh ssh::a_host_without_power_is_given_up_within_the_limit,
        Pair cluster::two_hosts_become_a_pair_and_change_roles,
        Pair cluster::a_cut_link_is_seen_and_refused_and_heals,
        Pair cluster::a_link_cut_in_the_middle_of_a_switchover_takes_it_back,
        Pair cluster::a_primary_without_power_is_missed_and_comes_back,
        Pair cluster::a_frozen_host_is_given_up_within_the_limit,
        Pair lost::a_primary_without_power_is_replaced_and_comes_back,
        Pair lost::a_primary_that_somebody_hears_is_not_replaced,
        Pair lost::a_frozen_primary_that_thaws_is_found_and_taken_back,
        Pair lost::a_primary_that_boots_cut_off_starts_in_recovery,
        Pair by_hand::a_removed_state_volume_costs_no_data,
        Pair by_hand::containers_that_somebody_removed_renamed_or_changed_are_told_and_mended,
        Pair by_hand::a_tablespace_is_told_and_neither_copied_nor_thrown_away,
        Newer upgrade::a_newer_engine_goes_on_with_what_the_old_one_had,
        Own three::the_one_that_has_most_takes_over_and_the_third_follows,
        Own three::a_failover_during_a_base_backup_of_the_third,
        Own whole::a_pair_with_keycloaks_loses_its_primarys_host_and_gets_it_back,
        Disk lost::hosts_without_power_boot_in_either_order,
        Disk disk::a_full_disk_is_full_inside_containers_and_mended,
        Disk disk::a_full_disk_is_told_while_the_server_still_runs,
        Disk disk::power_off_loses_what_was_not_synchronised,
    ]
    .into()
}

pub(crate) fn run() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let reasons = Reasons::look();
    // Only what cannot run here is marked as ignored, so it is not run by `--include-ignored` either.
    arguments.include_ignored = false;
    let worlds = Arc::new(Worlds::default());
    let trials =
        tests().into_iter().map(|(name, test)| trial(&worlds, name, test).with_ignored_flag(reasons.forbid(test)));
    let outcome = libtest_mimic::run(&arguments, trials.collect());
    // The trials are gone, and the last hold on the hosts is this one.
    drop(worlds);
    outcome.exit_code()
}

fn trial(worlds: &Arc<Worlds>, name: &'static str, test: Test) -> Trial {
    let worlds = Arc::clone(worlds);
    Trial::test(name, move || {
        match test {
            Test::Pair(run) | Test::Ssh(run) => run(worlds.pair()?.as_ref()),
            Test::Disk(run) => run(worlds.disk()?.as_ref()),
            Test::Own(run) => run(),
            Test::Newer(run) => run(&newer_engine()?),
        }
        Ok(())
    })
}

/// Why tests cannot run here, each said once.
struct Reasons {
    pair: Option<String>,
    disk: Option<String>,
    ssh: Option<String>,
    newer: Option<String>,
}

impl Reasons {
    fn look() -> Self {
        let reasons = if ha_tests::engine_is_wanted() {
            let why = |options: HostsOptions| options.available().err().map(|error| error.to_string());
            let pair = why(HostsOptions::new(2));
            Self {
                disk: pair.clone().or_else(|| why(HostsOptions::new(1).disk(1))),
                ssh: pair.clone().or_else(ssh::unavailable),
                newer: pair.clone().or_else(|| newer_engine().err().map(|error| error.to_string())),
                pair,
            }
        } else {
            let reason = Some("HA_TEST_NO_ENGINE".to_owned());
            Self { pair: reason.clone(), disk: reason.clone(), ssh: reason.clone(), newer: reason }
        };
        for (which, reason) in [
            ("of all", &reasons.pair),
            ("with a disk", &reasons.disk),
            ("with ssh", &reasons.ssh),
            ("with an engine that is upgraded", &reasons.newer),
        ] {
            // What holds for all is not said again of some.
            if let Some(reason) = reason
                && (which == "of all" || reasons.pair.is_none())
            {
                println!("skipped tests {which}: {reason}");
            }
        }
        reasons
    }

    fn forbid(&self, test: Test) -> bool {
        match test {
            Test::Pair(_) | Test::Own(_) => self.pair.is_some(),
            Test::Disk(_) => self.disk.is_some(),
            Test::Ssh(_) => self.ssh.is_some(),
            Test::Newer(_) => self.newer.is_some(),
        }
    }
}
