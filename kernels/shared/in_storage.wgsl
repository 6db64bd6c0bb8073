// What the threads of a workgroup share, in storage instead of workgroup memory. The host puts both sections in the place of
// those of their names in epsilon/sequence.wgsl where a processor imitates an adapter without subgroups: Mesa through OpenGL.
// Workgroup memory must be zero before a kernel begins; there the compiler writes a piece of code for each of its
// words, and the way through the compiler grows with the square of that. A processor keeps both in the same memory.
//
// store  of the workgroup's present sequence: `binsPresent`, and before the gradient, of which nothing is kept while this is
//        needed, W summands or tallies, then runs' tallies or directions, each a vector.

override W: u32 = 64;
override binsPresent: u32;

@group(0) @binding(7) var<storage, read_write> store: array<vec4f>;

var<workgroup> present: vec4u;
var<private> slot: u32;

// Shared ------------------------------------------------------------------------------------------------------------

fn bin(p: u32) -> vec4f { return store[slot + binsPresent + p]; }

fn setBin(p: u32, value: vec4f) { store[slot + binsPresent + p] = value; }

/** What each thread counts, then the sum of each run of threads: as floats exact up to 2²⁴ tokens. */
fn tally(i: u32) -> u32 { return u32(store[slot + i].x); }

fn setTally(i: u32, value: u32) { store[slot + i].x = f32(value); }

/** u₁ v₁ u₂ v₂ of this step. */
fn direction(i: u32) -> f32 { return store[slot + W + i].x; }

fn setDirection(i: u32, value: f32) { store[slot + W + i].x = value; }

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
  storageBarrier();
  store[slot + tid] = value;
  storageBarrier();
  for (var width = W / 2u; width > 0u; width /= 2u) {
    if (tid < width) { store[slot + tid] += store[slot + tid + width]; }
    storageBarrier();
  }
  return store[slot];
}

// End of sum
