// Spectral norm of an FFN layer (spec §1): W̄ = W/σ, σ = uᵀWv; u, v are constants for the gradient.
//
// W [outputs × inputs], u [outputs], v [inputs], natural order. Sums in double precision: they are short and few.

/** v ← Wᵀu/‖Wᵀu‖, then u ← Wv/‖Wv‖. */
export function powerIteration(w: usize, u: usize, v: usize, outputs: i32, inputs: i32): void {
  let norm: f64 = 0;
  for (let i = 0; i < inputs; i++) {
    let sum: f64 = 0;
    for (let o = 0; o < outputs; o++) sum += at(w, o * inputs + i) * at(u, o);
    store<f32>(v + (<usize>i << 2), <f32>sum);
    norm += sum * sum;
  }
  normalize(v, inputs, norm);
  norm = 0;
  for (let o = 0; o < outputs; o++) {
    let sum: f64 = 0;
    for (let i = 0; i < inputs; i++) sum += at(w, o * inputs + i) * at(v, i);
    store<f32>(u + (<usize>o << 2), <f32>sum);
    norm += sum * sum;
  }
  normalize(u, outputs, norm);
}

/** A direction of length zero stays as it is, as `eps` 1e-12 of the published normalization leaves it. */
function normalize(vector: usize, count: i32, squaredNorm: f64): void {
  const inverse = 1 / max(Math.sqrt(squaredNorm), 1e-12);
  for (let i = 0; i < count; i++) store<f32>(vector + (<usize>i << 2), <f32>(at(vector, i) * inverse));
}

/** σ = uᵀWv. */
export function spectralNorm(w: usize, u: usize, v: usize, outputs: i32, inputs: i32): f64 {
  let sigma: f64 = 0;
  for (let o = 0; o < outputs; o++) {
    let sum: f64 = 0;
    for (let i = 0; i < inputs; i++) sum += at(w, o * inputs + i) * at(v, i);
    sigma += at(u, o) * sum;
  }
  return sigma;
}

/** In place: ∂W ← ∂W̄/σ − (⟨∂W̄, W⟩/σ²)·u vᵀ, where `dw` holds ∂W̄. */
export function spectralGradient(dw: usize, w: usize, u: usize, v: usize, outputs: i32, inputs: i32, sigma: f64): void {
  let dot: f64 = 0;
  for (let k = 0; k < outputs * inputs; k++) dot += at(dw, k) * at(w, k);
  const inverse = 1 / sigma;
  const pull = dot * inverse * inverse;
  for (let o = 0; o < outputs; o++) {
    const row = pull * at(u, o);
    for (let i = 0; i < inputs; i++) {
      const k = o * inputs + i;
      store<f32>(dw + (<usize>k << 2), <f32>(at(dw, k) * inverse - row * at(v, i)));
    }
  }
}

// @ts-ignore: decorator
@inline
function at(base: usize, index: i32): f64 {
  return <f64>load<f32>(base + (<usize>index << 2));
}
