//! Values counted in buckets.

/// Bits of a double below those that name its bucket.
const WITHIN: u32 = 52 - 8;

/// How much a bucket has: a number of values, or a sum of weights.
pub trait Weight: Clone + Default {
    /// Takes in another weight. Returns the bytes that this one grew by on the heap.
    fn absorb(&mut self, other: &Self) -> usize;

    /// Appends the weight.
    fn write(&self, bytes: &mut Vec<u8>);

    /// Reads what was appended, and moves on.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

/// Buckets in the order of their values.
#[derive(Clone, Debug, Default)]
pub struct Buckets<W> {
    /// The value nearest to zero in each bucket.
    values: Vec<f64>,
    weights: Vec<W>,
    extremes: Option<(f64, f64)>,
    weight_bytes: usize,
}

/// Returns a value as it is kept: one zero, and one not-a-number that is greater than every number.
pub fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

/// Returns the bucket of a value, as a number that grows with the value.
#[inline]
fn bucket(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    // The bits of negative numbers grow downwards; see `f64::total_cmp`.
    (bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()) >> WITHIN
}

impl<W: Weight> Buckets<W> {
    /// Adds a canonical value.
    pub fn add(&mut self, value: f64, weight: &W) {
        self.reach(value, value);
        self.place(value, weight);
    }

    /// Adds a canonical value if its bucket is there, and so without new memory for the bucket. Returns whether it is.
    #[inline]
    pub fn add_known(&mut self, value: f64, weight: &W) -> bool {
        let at = self.find(value);
        let known = self.values.get(at).is_some_and(|kept| bucket(*kept) == bucket(value));
        if known {
            self.reach(value, value);
            self.add_at(at, value, weight);
        }
        known
    }

    /// Returns where the bucket of a value is or would be.
    #[inline]
    fn find(&self, value: f64) -> usize {
        let wanted = bucket(value);
        self.values.partition_point(|other| bucket(*other) < wanted)
    }

    #[inline]
    fn reach(&mut self, low: f64, high: f64) {
        self.extremes = Some(match self.extremes {
            None => (low, high),
            Some((least, greatest)) => (
                if low.total_cmp(&least).is_lt() { low } else { least },
                if high.total_cmp(&greatest).is_gt() { high } else { greatest },
            ),
        });
    }

    fn place(&mut self, value: f64, weight: &W) {
        let at = self.find(value);
        if self.values.get(at).is_none_or(|kept| bucket(*kept) != bucket(value)) {
            make_room(&mut self.values);
            self.values.insert(at, value);
            make_room(&mut self.weights);
            self.weights.insert(at, W::default());
        }
        self.add_at(at, value, weight);
    }

    #[inline]
    fn add_at(&mut self, at: usize, value: f64, weight: &W) {
        if let (Some(kept), Some(total)) = (self.values.get_mut(at), self.weights.get_mut(at)) {
            if value.abs() < kept.abs() {
                *kept = value;
            }
            self.weight_bytes += total.absorb(weight);
        }
    }

    /// Returns the values with their weights, in order.
    pub fn iter(&self) -> impl Iterator<Item = (f64, &W)> {
        self.values.iter().copied().zip(&self.weights)
    }

    /// Returns the least and the greatest value; `None` if there are none.
    pub fn extremes(&self) -> Option<(f64, f64)> {
        self.extremes
    }

    /// Returns the same buckets with weights of another type.
    pub fn map<V: Weight>(&self, weight: impl Fn(&W) -> V) -> Buckets<V> {
        Buckets {
            values: self.values.clone(),
            weights: self.weights.iter().map(weight).collect(),
            extremes: self.extremes,
            weight_bytes: 0,
        }
    }

    /// Returns the bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<f64>() + self.weights.capacity() * size_of::<W>() + self.weight_bytes
    }

    /// Appends all of it, or nothing if there is nothing.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        let Some((least, greatest)) = self.extremes else { return };
        bytes.extend(least.to_le_bytes());
        bytes.extend(greatest.to_le_bytes());
        for (value, weight) in self.iter() {
            bytes.extend(value.to_le_bytes());
            weight.write(bytes);
        }
    }

    /// Takes in what was appended; `None` if that is damaged. Calls back before each bucket.
    pub fn merge(&mut self, mut bytes: &[u8]) -> Option<()> {
        if bytes.is_empty() {
            return Some(());
        }
        let (least, greatest) = (double(&mut bytes)?, double(&mut bytes)?);
        self.reach(least, greatest);
        while !bytes.is_empty() {
            let value = double(&mut bytes)?;
            self.place(value, &W::read(&mut bytes)?);
        }
        Some(())
    }
}

/// Reads a double, and moves on.
pub fn double(bytes: &mut &[u8]) -> Option<f64> {
    let (double, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(f64::from_le_bytes(*double))
}

/// Grows a list by a quarter: there are as many lists as groups, and doubling them wastes a third of their memory.
fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 4).max(8));
    }
}

impl Weight for u32 {
    fn absorb(&mut self, other: &Self) -> usize {
        *self = self.saturating_add(*other);
        0
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        u64::from(*self).write(bytes);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        u64::read(bytes)?.try_into().ok()
    }
}

impl Weight for u64 {
    fn absorb(&mut self, other: &Self) -> usize {
        *self = self.saturating_add(*other);
        0
    }

    /// Seven bits in a byte, lowest first; the highest bit is set if more follow. Most counts are small.
    fn write(&self, bytes: &mut Vec<u8>) {
        let mut left = *self;
        loop {
            let [low, ..] = (left & 0x7f).to_le_bytes();
            left >>= 7;
            bytes.push(if left == 0 { low } else { low | 0x80 });
            if left == 0 {
                return;
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut number = 0;
        for shift in (0..Self::BITS).step_by(7) {
            let (byte, rest) = bytes.split_first()?;
            *bytes = rest;
            number |= Self::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}
