// What the threads of a workgroup share, in storage instead of workgroup memory. The host puts both sections in the place of
// those of their names in epsilon/sequence.wgsl where a processor imitates an adapter without subgroups: Mesa through OpenGL.
// Workgroup memory must be zero before a kernel begins; there the compiler writes a piece of code for each of its words, and
// its work grows faster than their number. A processor keeps both in the same memory.
//
// store  behind what belongs to the sequences, for each workgroup: bins, W summands or tallies, W tallies of runs, and
//        directions, of all of which each has a vector.

override W: u32 = 64;
override BINS: u32;
override DIRECTIONS: u32;
override storeStride: u32;

struct Settings {
  sequences: u32,
}

@group(0) @binding(7) var<storage, read_write> store: array<vec4f>;

var<workgroup> present: vec4u;
var<private> settings: Settings;

// Shared ------------------------------------------------------------------------------------------------------------

var<private> sharedAt: u32;

// Before anything is shared.
fn enterGroup(group: u32) {
  sharedAt = settings.sequences * storeStride + group * (BINS + 2u * W + DIRECTIONS);
}

fn bin(p: u32) -> vec4f { return store[sharedAt + p]; }

fn setBin(p: u32, value: vec4f) { store[sharedAt + p] = value; }

/** What each thread counts, then the sum of each run of threads: as floats exact up to 2²⁴ tokens. */
fn tally(i: u32) -> u32 { return u32(store[sharedAt + BINS + i].x); }

fn setTally(i: u32, value: u32) { store[sharedAt + BINS + i].x = f32(value); }

/** u₁ v₁ u₂ v₂ of this step. */
fn direction(i: u32) -> f32 { return store[sharedAt + BINS + 2u * W + i].x; }

fn setDirection(i: u32, value: f32) { store[sharedAt + BINS + 2u * W + i].x = value; }

// Behind it all threads find what any of them has set.
fn meet() { storageBarrier(); }

// The same, and `present`.
fn meetAtPresent() -> vec4u {
  storageBarrier();
  return workgroupUniformLoad(&present);
}

// End of shared

alias Summand = vec4f;

// Sum ---------------------------------------------------------------------------------------------------------------

// Σ over the workgroup in a fixed tree; every thread gets it.
fn total(tid: u32, value: Summand) -> Summand {
  let own = sharedAt + BINS + tid;
  storageBarrier();
  store[own] = value;
  storageBarrier();
  for (var width = W / 2u; width > 0u; width /= 2u) {
    if (tid < width) { store[own] += store[own + width]; }
    storageBarrier();
  }
  return store[sharedAt + BINS];
}

// End of sum
