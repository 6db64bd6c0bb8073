// The sum over a workgroup by subgroups, whose section `sum` the host puts in the place of the tree in other files where the
// adapter gives the right results here: each thread tells Σ over the workgroup, which all must agree upon. The features that
// an adapter lists do not tell, and no standard says how subgroups lie in a workgroup: here, side by side.
//
// numbers [W] whole numbers; sums [W].

override W: u32 = 64;

@group(0) @binding(0) var<storage, read> numbers: array<f32>;
@group(0) @binding(1) var<storage, read_write> results: array<f32>;

alias Summand = f32;
var<workgroup> sums: array<Summand, W>;

// Sum ---------------------------------------------------------------------------------------------------------------

// Σ over the workgroup: of each subgroup, then of these in their order; every thread gets it.
fn total(tid: u32, value: Summand) -> Summand {
  let size = subgroupAdd(1u);
  let leader = subgroupMin(tid);
  let sum = subgroupAdd(value);
  workgroupBarrier();
  if (tid == leader) { sums[tid / size] = sum; }
  workgroupBarrier();
  var all = sums[0];
  for (var i = 1u; i < W / size; i++) { all += sums[i]; }
  return all;
}

// End of sum

@compute @workgroup_size(W)
fn probe(@builtin(local_invocation_index) tid: u32) {
  results[tid] = total(tid, numbers[tid]);
  // Twice, since the second sum overwrites what the first one read.
  results[tid] += total(tid, numbers[W - 1u - tid]);
}
