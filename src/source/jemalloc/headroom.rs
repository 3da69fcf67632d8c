//! Free slots in jemalloc's slabs, by small size class, and how many were taken so far.

use super::{looked_up, number, of_all_arenas, serves_the_heap, size};
use crate::source::{SMALL_CLASSES, SlotClass, Slots};

/// The names, looked up once, and what never changes.
pub(in crate::source) struct JemallocSlots {
    classes: [Shape; SMALL_CLASSES],
    slabs: [usize; 6],
    held: [usize; 6],
    taken: [usize; 6],
}

/// A size class: the size of a slot, and how many there are in a slab. Zero where there is no such class.
#[derive(Clone, Copy, Default)]
struct Shape {
    size: u64,
    slots: u64,
}

impl JemallocSlots {
    /// `None` when this jemalloc serves nobody, or was built without statistics.
    pub(in crate::source) fn open() -> Option<Self> {
        serves_the_heap().then(Self::look_up)?
    }

    fn look_up() -> Option<Self> {
        Some(JemallocSlots {
            classes: shapes()?,
            slabs: of_all_arenas(b"stats.arenas.0.bins.0.curslabs\0")?,
            held: of_all_arenas(b"stats.arenas.0.bins.0.curregs\0")?,
            taken: of_all_arenas(b"stats.arenas.0.bins.0.nmalloc\0")?,
        })
    }

    /// As of the last epoch. What sits in thread caches is taken, here too.
    pub(in crate::source) fn read(&self) -> Option<Slots> {
        let mut slots = Slots::default();
        let places = slots.0.iter_mut().zip(&self.classes).enumerate();
        for (class, (place, shape)) in places.take_while(|(_, (_, shape))| shape.size > 0) {
            let of_class = |mut name: [usize; 6]| {
                name[4] = class;
                size(&name)
            };
            let room = of_class(self.slabs)?.saturating_mul(shape.slots);
            *place = SlotClass {
                size: shape.size,
                // Read one after the other, but gathered at one moment.
                free: room.saturating_sub(of_class(self.held)?),
                taken_total: of_class(self.taken)?,
            };
        }
        Some(slots)
    }
}

fn shapes() -> Option<[Shape; SMALL_CLASSES]> {
    let (mut of_slot, mut of_slab) =
        (looked_up::<4>(b"arenas.bin.0.size\0")?, looked_up::<4>(b"arenas.bin.0.nregs\0")?);
    let classes = number(&looked_up::<2>(b"arenas.nbins\0")?)? as usize;
    let mut shapes = [Shape::default(); SMALL_CLASSES];
    for (class, shape) in shapes.iter_mut().enumerate().take(classes) {
        (of_slot[2], of_slab[2]) = (class, class);
        *shape = Shape { size: size(&of_slot)?, slots: number(&of_slab)?.into() };
    }
    Some(shapes)
}
