//! Time by the clock, and of the processor that this process got: on a machine that others use the two differ.

use std::time::Instant;

/// `struct timespec` of 64-bit Unix; the standard library links the C library but does not show its clocks.
#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
}

#[cfg(target_os = "macos")]
const CLOCK_PROCESS_CPUTIME_ID: i32 = 12;
#[cfg(not(target_os = "macos"))]
const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;

fn processor_nanoseconds() -> i64 {
    let mut time = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    // Safe: the struct is laid out as the function expects, and lives through the call.
    let failed = unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert!(failed == 0, "the processor's clock cannot be read");
    time.seconds * 1_000_000_000 + time.nanoseconds
}

pub struct Stopwatch {
    began: Instant,
    processor: i64,
}

impl Stopwatch {
    pub fn start() -> Self {
        Self {
            began: Instant::now(),
            processor: processor_nanoseconds(),
        }
    }

    pub fn nanoseconds(self) -> (u128, i64) {
        let processor = processor_nanoseconds() - self.processor;
        (self.began.elapsed().as_nanos(), processor)
    }
}
