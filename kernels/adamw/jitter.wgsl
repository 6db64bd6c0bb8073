// Normal noise on the gradient of one step (src/model/gradient_noise.ts): g ← g + deviation·ε, between its sum and AdamW.
//
// gradient [vectors] of four floats; quantiles [65536] of the normal distribution, looked up by 16 random bits each.

override W: u32 = 64;

struct Jitter {
  vectors: u32,
  /** Floats that count; those behind them stay as they are. */
  count: u32,
  key0: u32,
  key1: u32,
  deviation: f32,
}

@group(0) @binding(0) var<uniform> jitter: Jitter;
@group(0) @binding(1) var<storage, read> quantiles: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<vec4f>;

// The same bits as src/model/random.ts.
fn pcg4d(counter: vec4u) -> vec4u {
  var v = counter * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v = v ^ (v >> vec4u(16u));
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

@compute @workgroup_size(W)
fn addJitter(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  for (var i = group.x * W + tid; i < jitter.vectors; i += groups.x * W) {
    let words = pcg4d(vec4u(jitter.key0, jitter.key1, i >> 1u, 0u));
    let pair = select(words.xy, words.zw, (i & 1u) != 0u);
    let noise = vec4f(
      quantiles[pair.x & 0xffffu],
      quantiles[pair.x >> 16u],
      quantiles[pair.y & 0xffffu],
      quantiles[pair.y >> 16u],
    );
    let counts = 4u * i + vec4u(0u, 1u, 2u, 3u) < vec4u(jitter.count);
    gradient[i] += select(vec4f(0.0), jitter.deviation * noise, counts);
  }
}
