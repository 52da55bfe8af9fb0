//! Code that has done its work: its pages can be given back, for a process that is to be small.
//!
//! What a process maps from files is read from them again when it is touched. So nothing is lost but the time that it
//! takes, should any of it be needed once more; and the pages that stay are those that really are in use.

use libc::{c_int, c_void, dl_phdr_info, size_t};
use nix::unistd::{SysconfVar, sysconf};

use super::raw::call;

/// Gives back what is mapped of the program, of its libraries and of the dynamic linker, as far as it is read-only:
/// code and constants. To be called when a program has begun and is about to wait for a long time.
// In line, so that what runs last is where it goes on.
#[inline(always)]
pub fn give_back() {
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|size| usize::try_from(size).ok());
    let Some(page) = page.filter(|size| size.is_power_of_two()) else { return };
    let mut found = Found { page, ranges: [(0, 0); MOST], count: 0 };
    // SAFETY: `note_object` matches the declaration, and gets a pointer to what lives as long.
    unsafe { libc::dl_iterate_phdr(Some(note_object), (&raw mut found).cast()) };
    // Last of all, as what runs from here on is read again; and so without iterators that are functions elsewhere.
    for (start, end) in found.ranges {
        if start < end {
            // SAFETY: whole pages of a private mapping of a file that nobody has written to: whoever touches one gets
            // the same bytes again (madvise(2), MADV_DONTNEED). If it is refused, nothing changes. Without the C
            // library, whose pages are among them.
            let _ = unsafe { call!(libc::SYS_madvise, start, end - start, libc::MADV_DONTNEED) };
        }
    }
}

/// So many segments at the most: a linker makes two or three of an object that are read-only, and there are about eight
/// objects.
const MOST: usize = 40;

/// What is to be given back.
struct Found {
    page: usize,
    /// Where each begins and ends.
    ranges: [(usize, usize); MOST],
    count: usize,
}

/// One program or library: its segments are those of elf(5), `PT_LOAD`.
unsafe extern "C" fn note_object(object: *mut dl_phdr_info, _: size_t, found: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr(3) passes a valid description of an object, and the pointer that it was given.
    let (object, found) = unsafe { (&*object, &mut *found.cast::<Found>()) };
    if object.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: as many headers as it says, which are part of what is mapped.
    let segments = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
    for segment in segments.iter().filter(|it| it.p_type == libc::PT_LOAD && it.p_flags & libc::PF_W == 0) {
        let start = address(object.dlpi_addr.wrapping_add(segment.p_vaddr));
        let end = address(object.dlpi_addr.wrapping_add(segment.p_vaddr).wrapping_add(segment.p_memsz));
        // A page at either end that is only partly of this segment may be part of a writable one.
        let range = (start.next_multiple_of(found.page), end & !(found.page - 1));
        if let Some(place) = found.ranges.get_mut(found.count) {
            *place = range;
            found.count += 1;
        }
    }
    0
}

/// The address of a segment, which is one of this process and fits.
fn address(of: impl TryInto<usize>) -> usize {
    of.try_into().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_is_there_again() {
        static CONSTANT: [u8; 100_000] = [7; 100_000];
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        let before = sum(&CONSTANT);
        give_back();
        assert_eq!(sum(std::hint::black_box(&CONSTANT)), before);
    }
}
