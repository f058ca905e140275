//! Load over time. Pure: the same (seed, GPU, time) always gives the same figure, so that two runs of one scenario,
//! or an agent that restarted, see one curve.

use serde::Deserialize;

/// The shape of a GPU's load; percent and seconds throughout.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Load {
    /// No work.
    Idle,
    /// The same all the time.
    Constant {
        /// Percent.
        util: f64,
    },
    /// Up and down around a mean.
    Sine {
        /// Percent around which the load swings.
        mean: f64,
        /// Percent points up and down.
        amplitude: f64,
        /// Seconds of one swing.
        period: f64,
    },
    /// Two levels in turn, the high one first.
    #[serde(alias = "square")]
    Burst {
        /// Percent between bursts.
        low: f64,
        /// Percent in a burst.
        high: f64,
        /// Seconds from burst to burst.
        period: f64,
        /// Share of the period that is a burst.
        #[serde(default = "half")]
        duty: f64,
    },
    /// From one level to another, which then stays.
    Ramp {
        /// Percent at second 0.
        start: f64,
        /// Percent from `duration` on.
        end: f64,
        /// Seconds.
        duration: f64,
    },
    /// Figures read one after the other, over and over.
    Trace {
        /// Percent.
        values: Vec<f64>,
        /// Seconds each figure holds.
        #[serde(default = "one")]
        step: f64,
    },
}

fn half() -> f64 {
    0.5
}

fn one() -> f64 {
    1.0
}

impl Load {
    /// What is wrong with the figures, if anything.
    pub fn problem(&self) -> Option<&'static str> {
        let positive = |figure: f64| figure.is_finite() && figure > 0.0;
        match self {
            Self::Sine { period, .. } | Self::Burst { period, .. } if !positive(*period) => {
                Some("`period` must be more than 0")
            }
            Self::Ramp { duration, .. } if !positive(*duration) => Some("`duration` must be more than 0"),
            Self::Trace { values, .. } if values.is_empty() => Some("`values` must not be empty"),
            Self::Trace { step, .. } if !positive(*step) => Some("`step` must be more than 0"),
            _ => None,
        }
    }

    /// Load in percent at a second, without jitter.
    pub fn at(&self, second: f64) -> f64 {
        let second = second.max(0.0);
        let percent = match self {
            Self::Idle => 0.0,
            Self::Constant { util } => *util,
            Self::Sine { mean, amplitude, period } => {
                mean + amplitude * (second / period * std::f64::consts::TAU).sin()
            }
            Self::Burst { low, high, period, duty } => {
                if (second / period).fract() < *duty {
                    *high
                } else {
                    *low
                }
            }
            Self::Ramp { start, end, duration } => start + (end - start) * (second / duration).min(1.0),
            Self::Trace { values, step } => {
                let place = (second / step) as usize % values.len().max(1);
                values.get(place).copied().unwrap_or(0.0)
            }
        };
        percent.clamp(0.0, 100.0)
    }
}

/// A figure in -1.0..1.0 that depends on nothing but its arguments.
pub fn jitter(seed: u64, gpu: usize, second: f64) -> f64 {
    let bits = mix(mix(seed, gpu as u64), second.max(0.0) as u64);
    (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// A well spread 64-bit figure from two (the finaliser of SplitMix64).
pub fn mix(left: u64, right: u64) -> u64 {
    let mut bits = left.wrapping_add(right.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_have_their_shapes() {
        let sine = Load::Sine { mean: 50.0, amplitude: 30.0, period: 40.0 };
        assert_eq!((sine.at(0.0), sine.at(10.0).round(), sine.at(30.0).round()), (50.0, 80.0, 20.0));
        let burst = Load::Burst { low: 5.0, high: 95.0, period: 10.0, duty: 0.3 };
        assert_eq!((burst.at(2.9), burst.at(3.1), burst.at(12.0)), (95.0, 5.0, 95.0));
        let ramp = Load::Ramp { start: 10.0, end: 90.0, duration: 8.0 };
        assert_eq!((ramp.at(0.0), ramp.at(4.0), ramp.at(100.0)), (10.0, 50.0, 90.0));
        let trace = Load::Trace { values: vec![1.0, 2.0, 3.0], step: 2.0 };
        assert_eq!((trace.at(0.0), trace.at(3.0), trace.at(6.5)), (1.0, 2.0, 1.0));
        assert_eq!(Load::Constant { util: 130.0 }.at(1.0), 100.0);
    }

    #[test]
    fn jitter_repeats_and_spreads() {
        let figures: Vec<f64> = (0..200).map(|second| jitter(7, 3, f64::from(second))).collect();
        assert_eq!(figures[17], jitter(7, 3, 17.9), "one figure a second");
        assert!(figures.iter().all(|figure| (-1.0..=1.0).contains(figure)));
        assert!(figures.iter().any(|figure| *figure > 0.5) && figures.iter().any(|figure| *figure < -0.5));
        assert_ne!(jitter(7, 3, 1.0), jitter(8, 3, 1.0));
        assert_ne!(jitter(7, 3, 1.0), jitter(7, 4, 1.0));
    }
}
