//! Bugs planted on purpose, one at a time, to show that the async oracle would notice them. In anything
//! but a unit test `mutant!(..)` is the constant `false`.

/// True while a test asks for that bug.
#[cfg(test)]
macro_rules! mutant {
    ($name:ident) => {
        crate::mutant::planted() == Some(crate::mutant::Mutant::$name)
    };
}

#[cfg(not(test))]
macro_rules! mutant {
    ($name:ident) => {
        false
    };
}

pub(crate) use mutant;

#[cfg(test)]
pub(crate) use planting::*;

#[cfg(test)]
mod planting {
    use std::cell::Cell;

    macro_rules! mutants {
        ($($(#[$doc:meta])* $name:ident,)*) => {
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub(crate) enum Mutant { $($(#[$doc])* $name,)* }

            impl Mutant {
                pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];
            }
        };
    }

    mutants! {
        /// The thread stays on the call's path when a poll returns Pending.
        NoRestoreOnPending,
        /// The call moves below whatever path it is polled on.
        ParentLookedUpAgain,
        /// The inner future is dropped outside of the call.
        DropNotEntered,
        CancelNotCounted,
        PanicCountedAsReturn,
        /// Suspended time goes to the task's outermost call.
        AwaitToOutermost,
        /// Suspended time goes to every call that returned Pending.
        AwaitToAll,
        /// Suspended time counts from the beginning of the last poll.
        SuspendedFromEntry,
        /// Suspended time counts until the call itself is polled again.
        SuspendedUntilPolled,
        /// The rest of the task's turn after the call returned Pending counts twice.
        TurnForgotten,
        LastPollNotCounted,
        BusyToCaller,
        StartCountedAtEachPoll,
        /// A call that is polled on another thread goes on with the first thread's counters.
        CountersOfOldThread,
        LongestPollIsLast,
        ElapsedFromLastPoll,
        FinishedAgainAtDrop,
        /// A dropped or completed child still counts as waiting in the poll in which it had waited.
        LoserStillWaits,
        /// A child's waiting is forgotten when its sibling completes.
        SiblingForgotten,
        ContextNotEntered,
        /// A scope that unwinds counts as returned.
        UnwindingGuardReturns,
    }

    thread_local! {
        static PLANTED: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    pub(crate) fn planted() -> Option<Mutant> {
        PLANTED.get()
    }

    pub(crate) fn plant(mutant: Option<Mutant>) {
        PLANTED.set(mutant);
    }
}
