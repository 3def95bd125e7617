//! `sexton init`, held against the list of what an init must get right: `item_NN_...` is item NN of it.
//!
//! Every item runs as PID 1 of a namespace and as a subreaper outside of one, where it has both. With
//! `SEXTON_TEST_INIT=/usr/bin/tini` (dumb-init, catatonit) the same tests are held against that program instead:
//! `benches/init-checklist.sh` makes the table of all of them.
//!
//! * `reaping`: 1 to 11, zombies and exit status
//! * `races`: those of the items that need a thousand rounds
//! * `signals`: 12 to 22, forwarding
//! * `stops`: 19, 43 and the options about stopping
//! * `child`: 23 to 28 and 32, what the main child is started with
//! * `exec`: 29 to 31, what is started, and what if it cannot be
//! * `terminal`: 33 to 38
//! * `roles`: 39 and 40, PID 1 or not
//! * `drain`: 41, 42 and 44, what is left when the main child is gone
//! * `reuse`: a process ID that is used again during the drain
//! * `budget`: how long a stop takes, and that CMD's code survives it
//! * `pause`: without a command
//! * `poor`: 46 and 47, where something is missing
//! * `faults`: each system call refused, by strace
//! * `notify`: what a service manager is told
//! * `options`: every option, from the command line and from the environment; bad input

mod budget;
mod child;
mod drain;
mod exec;
mod faults;
mod notify;
mod options;
mod pause;
mod poor;
mod races;
mod reaping;
mod reuse;
mod roles;
mod signals;
mod stops;
mod terminal;
