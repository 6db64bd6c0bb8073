// What all threads of a subgroup read alike, read once for all of them: each of eight threads reads another vector, and
// gets those of the others from their registers. The section `together` takes the place of that of epsilon/sequence.wgsl on
// software adapters, whose loads go thread by thread; a real GPU's constant caches and workgroup memory do the same by
// themselves. It needs subgroups of eight threads or more that lie side by side in a workgroup, which `probe` finds out.
//
// numbers [W], of which the first eight matter; results [W]: Σ (i + 1)·numbers[i] over these, and 0 for the last three.

override W: u32 = 64;

@group(0) @binding(0) var<storage, read> numbers: array<f32>;
@group(0) @binding(1) var<storage, read_write> results: array<f32>;

// Together ----------------------------------------------------------------------------------------------------------

/** Whether what all threads need alike is read once for a subgroup; none of its threads may then leave before the last. */
const TOGETHER = true;

/** Two 4 × 4 pieces of what all threads read alike. */
struct Pieces {
  a: mat4x4f,
  b: mat4x4f,
}

/** The thread's place in its subgroup, and the threads of that. */
var<private> lane: u32;
var<private> size: u32;

fn enter(thread: u32) {
  size = subgroupAdd(1u);
  lane = thread - subgroupMin(thread);
}

// Whether a thread that takes every W-th of `count` things, the next one k, goes on: with the first one of its subgroup.
fn goesOn(k: u32, count: u32) -> bool {
  return k - lane < count;
}

fn team() -> u32 {
  return size;
}

fn eighth() -> u32 {
  return lane & 7u;
}

// The vectors of a subgroup's first eight threads as columns.
fn ofEight(own: vec4f) -> Pieces {
  return Pieces(
    mat4x4f(subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u), subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u)),
    mat4x4f(subgroupBroadcast(own, 4u), subgroupBroadcast(own, 5u), subgroupBroadcast(own, 6u), subgroupBroadcast(own, 7u)),
  );
}

// End of together

@compute @workgroup_size(W)
fn probe(@builtin(local_invocation_index) tid: u32) {
  enter(tid);
  let weights = vec4f(1.0, 2.0, 3.0, 4.0);
  let count = W - 3u;
  var sum = vec4f(0.0);
  for (var k = tid; goesOn(k, count); k += W) {
    let both = ofEight(vec4f(numbers[eighth()]));
    let own = both.a * weights + both.b * (weights + 4.0);
    if (k < count) { sum += own; }
  }
  results[tid] = (sum.x + sum.y + sum.z + sum.w) / 4.0;
}
