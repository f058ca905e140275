//! The pointers a C caller passes, each behind a type that checks before it follows.
//!
//! Invariant: these types have the layout of the pointer they stand for and no constructor, so a value can only come
//! from a caller of an exported function, who by NVML's contract passes null or a pointer to what the function's
//! header declares, valid and unshared until the call returns. The `SAFETY` comments below rest on that.

use std::ffi::{CStr, c_char};

use super::{Outcome, code};

/// Where an answer goes; also the head of an array where the function's header says so.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct Out<T>(*mut T);

impl<T> Clone for Out<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Out<T> {}

impl<T: Copy> Out<T> {
    /// Whether the caller passed null, which some functions take for "only the count".
    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    fn checked(self) -> Outcome<*mut T> {
        if self.0.is_null() || !self.0.is_aligned() { Err(code::INVALID_ARGUMENT) } else { Ok(self.0) }
    }

    /// Writes the answer.
    pub(crate) fn put(self, value: T) -> Outcome {
        let target = self.checked()?;
        // SAFETY: not null and aligned (checked); room for one T by the contract in the module's documentation.
        unsafe { target.write(value) };
        Ok(())
    }

    /// Reads what the caller put there, for arguments that go both ways.
    pub(crate) fn read(self) -> Outcome<T> {
        let source = self.checked()?;
        // SAFETY: not null and aligned (checked); an argument that goes both ways is initialised by the caller.
        Ok(unsafe { source.read() })
    }

    /// The element at a place of the caller's array; `place` must be below the length the caller gave.
    pub(crate) fn at(self, place: usize) -> Self {
        Self(self.0.wrapping_add(place))
    }

    /// The struct's first fields, so that the rest, which a caller need not initialise, is not read.
    pub(crate) fn head<U: Copy>(self) -> Out<U> {
        const { assert!(size_of::<U>() <= size_of::<T>() && align_of::<U>() <= align_of::<T>()) };
        Out(self.0.cast())
    }

    /// Writes a list into the caller's array under NVML's rule: `count` says how many fit and then how many there
    /// are; too few is `INSUFFICIENT_SIZE`, and asking with none at all is how one learns the count.
    pub(crate) fn list(self, count: Out<u32>, values: &[T]) -> Outcome {
        let room = count.read()? as usize;
        count.put(values.len() as u32)?;
        if room < values.len() {
            return Err(code::INSUFFICIENT_SIZE);
        }
        values.iter().enumerate().try_for_each(|(place, value)| self.at(place).put(*value))
    }
}

/// A caller's buffer for text; its length is the function's next argument.
#[repr(transparent)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextOut(*mut c_char);

impl TextOut {
    /// Writes the text and its end mark, or nothing when they do not fit.
    pub(crate) fn put(self, length: u32, text: &str) -> Outcome {
        if self.0.is_null() {
            return Err(code::INVALID_ARGUMENT);
        }
        if text.len() >= length as usize {
            return Err(code::INSUFFICIENT_SIZE);
        }
        // SAFETY: not null (checked); the buffer has `length` bytes by the contract in the module's documentation,
        // and the text with its end mark is no longer (checked). A str of ours does not overlap the caller's buffer.
        unsafe {
            self.0.copy_from_nonoverlapping(text.as_ptr().cast(), text.len());
            self.0.add(text.len()).write(0);
        }
        Ok(())
    }
}

/// A caller's text.
#[repr(transparent)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextIn(*const c_char);

impl TextIn {
    /// The text, owned.
    pub(crate) fn read(self) -> Outcome<String> {
        if self.0.is_null() {
            return Err(code::INVALID_ARGUMENT);
        }
        // SAFETY: not null (checked); NUL-terminated by the contract in the module's documentation.
        let text = unsafe { CStr::from_ptr(self.0) };
        text.to_str().map(str::to_owned).map_err(|_| code::INVALID_ARGUMENT)
    }
}

/// Text in a struct's fixed field, cut to fit, with its end mark.
pub(crate) fn fixed<const LENGTH: usize>(text: &str) -> [c_char; LENGTH] {
    let mut field = [0; LENGTH];
    for (place, byte) in field.iter_mut().zip(text.bytes()).take(LENGTH.saturating_sub(1)) {
        *place = byte as c_char;
    }
    field
}
