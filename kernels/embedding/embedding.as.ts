// h⁰ = dropout(√d · embedding[id] + PE(position)) (spec §1); the vanilla model has neither factor nor dropout (spec §4).
//
// embedding [V][d] and positions [n][d] in natural order; h⁰ [tiles][4·dGroups][8], lanes beyond the sequence zero.

import { dGroups, dModel, dropoutThreshold, embeddingScale, gradient, parameters, positions, vanilla } from "../header.as";
import { applyMask, dropoutMask, SITE_EMBEDDING } from "../simd/dropout.as";

/** One tile of h⁰ from `lanes` token ids; `first` is the first lane's position. */
export function embeddingForward(
  h: usize, ids: usize, lanes: i32, first: i32, mask: usize, lanePositions: usize, key: usize,
): void {
  const d = dModel();
  const scale = embeddingScale();
  memory.fill(h, 0, <usize>dGroups() << 7);
  for (let lane: usize = 0; lane < <usize>lanes; lane++) {
    const row = parameters() + (<usize>(load<i32>(ids + (lane << 2)) * d) << 2);
    const position = positions() + (<usize>((first + <i32>lane) * d) << 2);
    const target = h + (lane << 2);
    for (let r: usize = 0; r < <usize>d; r++) {
      store<f32>(target + (r << 5), load<f32>(row + (r << 2)) * scale + load<f32>(position + (r << 2)));
    }
  }
  if (dropoutThreshold() && !vanilla()) {
    dropoutMask(mask, lanePositions, key, SITE_EMBEDDING, 0, d);
    applyMask(h, mask, d);
  }
}

/** One tile of token gradients [lanes][d] from dh (overwritten by its masked self). */
export function embeddingBackward(
  tokenGradients: usize, dh: usize, lanes: i32, mask: usize, lanePositions: usize, key: usize,
): void {
  const d = dModel();
  const scale = embeddingScale();
  if (dropoutThreshold() && !vanilla()) {
    dropoutMask(mask, lanePositions, key, SITE_EMBEDDING, 0, d);
    applyMask(dh, mask, d);
  }
  for (let lane: usize = 0; lane < <usize>lanes; lane++) {
    const target = tokenGradients + lane * (<usize>d << 2);
    const source = dh + (lane << 2);
    for (let r: usize = 0; r < <usize>d; r++) store<f32>(target + (r << 2), load<f32>(source + (r << 5)) * scale);
  }
}

/** gradient[id] ← gradient[id] + its tokens' gradients, in the batch's order; `[PAD]` (id 0) gets none (spec §2). */
export function embeddingScatter(ids: usize, tokenGradients: usize, tokens: i32): void {
  const bytes = <usize>dModel() << 2;
  const vectors = bytes & ~15;
  for (let i = 0; i < tokens; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    if (id != 0) {
      const row = gradient() + <usize>id * bytes;
      let p: usize = 0;
      for (; p < vectors; p += 16) v128.store(row + p, f32x4.add(v128.load(row + p), v128.load(tokenGradients + p)));
      for (; p < bytes; p += 4) store<f32>(row + p, load<f32>(row + p) + load<f32>(tokenGradients + p));
    }
    tokenGradients += bytes;
  }
}
