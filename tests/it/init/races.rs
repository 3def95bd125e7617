//! The items that only a thousand rounds can tell: 3, 4 and 13.

use std::time::Duration;

use crate::support::inits::Opt;
use crate::support::launch::{Launch, both_roles};

/// How often. A loss of one in a hundred is then missed once in 20,000 runs.
const ROUNDS: u32 = 1000;

/// Performs `launch` that often, sends TERM up to so many microseconds after its mask is set (none if negative), and
/// asserts that every round ended with `code`, none later than after 5 s.
fn every_round_ends_with(code: i32, term: i32, launch: Launch) {
    let run = launch.race(&format!("{ROUNDS},5000,{term}")).finish_within(Duration::from_secs(170));
    assert_eq!(run.stdout, format!("code {code} times {ROUNDS}\nhung 0\n"), "{}", run.stderr.lines().count());
}

both_roles! {
    fn item_03_the_main_childs_end_is_seen_when_an_orphan_ends_with_it(role: Role) {
        every_round_ends_with(7, -1, Launch::new(role).actor("together=7"));
    }
}

both_roles! {
    fn item_04_a_missing_program_is_noticed_a_thousand_times(role: Role) {
        every_round_ends_with(127, -1, Launch::new(role).command(["/nonexistent"]));
    }
}

both_roles! {
    fn item_04_a_main_child_that_dies_at_once_is_noticed_a_thousand_times(role: Role) {
        every_round_ends_with(137, -1, Launch::new(role).actor("die=9"));
    }
}

both_roles! {
    fn item_13_term_while_it_starts_is_never_lost(role: Role) {
        every_round_ends_with(143, 1200, Launch::new(role).actor("alarm=20 pause"));
    }
}

both_roles! {
    fn item_13_term_right_after_the_mask_is_set_is_never_lost(role: Role) {
        every_round_ends_with(143, 100, Launch::new(role).actor("alarm=20 pause"));
    }
}

both_roles! {
    fn item_13_term_to_the_group_while_it_starts_is_never_lost(role: Role) {
        every_round_ends_with(143, 1200, Launch::new(role).option(Opt::Group).actor("alarm=20 pause"));
    }
}

both_roles! {
    fn item_13_term_to_the_group_right_after_the_mask_is_set_is_never_lost(role: Role) {
        every_round_ends_with(143, 100, Launch::new(role).option(Opt::Group).actor("alarm=20 pause"));
    }
}
