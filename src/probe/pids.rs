//! `pids:[percent]`: the cgroup has PIDs left. It is what zombies use up, and after the last one nothing can be started.

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::system::cgroup;
use crate::system::cgroup::{Level, Levels, ParentCgroups};
use crate::target::Target;

/// How full it may be unless something else is said.
const PERCENT: u64 = 90;

/// Looks how full it is.
#[derive(Debug)]
pub(super) struct Pids {
    /// From here on it is too full.
    percent: u64,
}

/// Reads `80`, `80%`, or nothing.
pub(super) fn parse(target: &Target<'_>, _: &Options) -> Result<Box<dyn Kind>, String> {
    let text = target.rest;
    let number = text.strip_suffix('%').unwrap_or(text);
    let percent = match number.parse::<u64>() {
        _ if text.is_empty() => PERCENT,
        Ok(percent @ 1..=100) if number.bytes().all(|b| b.is_ascii_digit()) => percent,
        _ => return Err(format!("invalid percentage `{text}` (1-100)")),
    };
    Ok(Box::new(Pids { percent }))
}

impl Kind for Pids {
    /// Passes as long as it is less full than that.
    fn run(&self, _: Deadline, _: &mut Trace) -> Outcome {
        let Some(levels) = cgroup::levels() else {
            let reason = "no pids cgroup is mounted here; docker and kubernetes mount /sys/fs/cgroup";
            return Err(Failure::new(Phase::Local, Cause::Broken, reason));
        };
        self.judge(&levels).map_err(|why| Failure::answer(Phase::Local, why))
    }
}

impl Levels {
    /// What is said of the limits that cannot be seen.
    fn outside(&self) -> &'static str {
        match self.outer {
            ParentCgroups::Visible => "",
            ParentCgroups::Hidden => "; limits outside this container cannot be seen",
        }
    }
}

impl Pids {
    /// The verdict: the fullest of the cgroups around us decides.
    fn judge(&self, levels: &Levels) -> Result<String, String> {
        let Some(fullest) = levels.limited.iter().max_by_key(|level| level.percent()) else {
            return Ok(match levels.own {
                Some(own) => format!("{own} PIDs in use, without a limit{}", levels.outside()),
                None => format!("no limit on PIDs{}", levels.outside()),
            });
        };
        let Level { current, max } = fullest;
        let used = fullest.percent().min(100);
        if used < self.percent {
            return Ok(format!("{current} of {max} PIDs in use ({used}%){}", levels.outside()));
        }
        let limit = self.percent;
        Err(format!(
            "{current} of {max} PIDs in use ({used}%, the limit is {limit}%); zombies and threads count, too: \
             see sexton check zombies:"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_level_decides() {
        let levels = |limited: &[(u64, u64)]| Levels {
            limited: limited.iter().map(|&(current, max)| Level { current, max }).collect(),
            own: Some(7),
            outer: ParentCgroups::Visible,
        };
        let judge = |percent, limited: &[_]| Pids { percent }.judge(&levels(limited));
        assert_eq!(judge(90, &[]), Ok("7 PIDs in use, without a limit".into()));
        let hidden = Levels { limited: Vec::new(), own: Some(7), outer: ParentCgroups::Hidden };
        assert_eq!(
            Pids { percent: 90 }.judge(&hidden),
            Ok("7 PIDs in use, without a limit; limits outside this container cannot be seen".into())
        );
        assert_eq!(judge(90, &[(5, 10), (80, 100)]), Ok("80 of 100 PIDs in use (80%)".into()));
        assert_eq!(judge(100, &[(99, 100)]), Ok("99 of 100 PIDs in use (99%)".into()));
        for (percent, limited) in [(80, (80, 100)), (100, (10, 10)), (100, (11, 10)), (1, (0, 0))] {
            let why = judge(percent, &[(0, 10), limited]).unwrap_err();
            let (current, max) = limited;
            assert!(why.starts_with(&format!("{current} of {max} PIDs in use (")), "{why}");
        }
    }
}
