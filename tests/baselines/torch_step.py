"""Times a plain PyTorch training step of both models at the paper's sizes, for comparison with `epsilon bench`.

    python3 tests/baselines/torch_step.py [cuda|cpu]

Eager mode, padded batches as published; the Epsilon model takes all eight steps (`soft`). It computes what the paper's
model does, but is not checked against it: only its time counts.
"""

import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

DEVICE = sys.argv[1] if len(sys.argv) > 1 else "cuda"
VOCABULARY, D, HEADS, FFN, LAYERS, BINS, LATENT, BATCH = 30522, 12, 2, 72, 8, 16, 8, 32
WIDTH = D // HEADS


class Vanilla(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, D, padding_idx=0)
        layer = nn.TransformerEncoderLayer(D, HEADS, FFN, 0.1, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(D)
        self.head = nn.Linear(D, 2)

    def forward(self, ids):
        padding = ids.eq(0)
        h = self.norm(self.blocks(self.embed(ids), src_key_padding_mask=padding))
        kept = (~padding).float().unsqueeze(-1)
        return self.head((h * kept).sum(1) / kept.sum(1)), 0.0


class CenterNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(D))
        self.beta = nn.Parameter(torch.zeros(D))

    def forward(self, x):
        return self.gamma * math.sqrt(D / (D - 1)) * (x - x.mean(-1, keepdim=True)) + self.beta


class Epsilon(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, D, padding_idx=0)
        self.norm1, self.norm2 = CenterNorm(), CenterNorm()
        self.q, self.k, self.v, self.o = (nn.Linear(D, D) for _ in range(4))
        self.bin = nn.Linear(WIDTH, LATENT, bias=False)
        self.prototypes = nn.Parameter(torch.randn(HEADS, BINS, LATENT) * 0.3)
        self.log_tau = nn.Parameter(torch.zeros(HEADS))
        spectral = nn.utils.parametrizations.spectral_norm
        self.ffn1, self.ffn2 = spectral(nn.Linear(D, FFN)), spectral(nn.Linear(FFN, D))
        self.halting = nn.ModuleList([nn.Linear(D, 1) for _ in range(LAYERS)])
        self.head = nn.Linear(D, 2)

    def attention(self, x, mask):
        batch, n, _ = x.shape
        q, k, v = (layer(x).view(batch, n, HEADS, WIDTH).transpose(1, 2) for layer in (self.q, self.k, self.v))
        scores = torch.einsum("nhtl,hbl->nhtb", self.bin(k), self.prototypes) / self.log_tau.exp().view(1, HEADS, 1, 1)
        assignment = torch.softmax(scores, -1) * mask.view(batch, 1, n, 1)
        mass = assignment.sum(2).unsqueeze(-1) + 1e-6
        keys, values = (assignment.transpose(2, 3) @ rows / mass for rows in (k, v))
        weights = F.dropout(torch.softmax(q @ keys.transpose(2, 3) / math.sqrt(WIDTH), -1), 0.1)
        return self.o((weights @ values).transpose(1, 2).reshape(batch, n, D))

    def forward(self, ids):
        mask = ids.ne(0).float()
        h = F.dropout(self.embed(ids) * math.sqrt(D), 0.1)
        rest, readout, spent = mask.clone(), 0.0, []
        for halting in self.halting:
            middle = h + 0.25 * F.dropout(self.attention(self.norm1(h), mask), 0.1)
            hidden = F.dropout(F.gelu(self.ffn1(self.norm2(middle))), 0.1)
            h = middle + 0.25 * F.dropout(self.ffn2(hidden), 0.1)
            p = torch.minimum(torch.sigmoid(halting(h)).squeeze(-1), rest)
            rest = rest - p
            readout = readout + p.unsqueeze(-1) * h
            spent.append(p)
        readout = readout + rest.unsqueeze(-1) * h
        outcomes = torch.stack([*spent, rest], -1)
        divergence = (outcomes * (outcomes.clamp_min(1e-9).log() + 1.0)).sum(-1).mean()
        return self.head(readout[:, 0]), 0.015 * divergence


def best_step(model, length, mixed):
    """Milliseconds of the best of five times 20 steps (on a CPU of one)."""
    net = model().to(DEVICE).train()
    optimizer = torch.optim.AdamW(net.parameters(), 3e-4)
    ids = torch.randint(1, VOCABULARY, (BATCH, length), device=DEVICE)
    labels = torch.randint(0, 2, (BATCH,), device=DEVICE)
    steps, half = (20, torch.float16) if DEVICE == "cuda" else (1, torch.bfloat16)
    wait = torch.cuda.synchronize if DEVICE == "cuda" else lambda: None

    def step():
        optimizer.zero_grad()
        with torch.autocast(DEVICE, half, enabled=mixed):
            logits, more = net(ids)
            loss = F.cross_entropy(logits.float(), labels) + more
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    for _ in range(steps):
        step()
    times = []
    for _ in range(5):
        wait()
        started = time.perf_counter()
        for _ in range(steps):
            step()
        wait()
        times.append((time.perf_counter() - started) / steps)
    return 1000 * min(times)


print(torch.__version__, torch.cuda.get_device_name() if DEVICE == "cuda" else "CPU", torch.get_num_threads())
for kind in (Epsilon, Vanilla):
    for tokens in (275, 512):
        for mixed in (False, True):
            precision = "mixed" if mixed else "single"
            print(f"{kind.__name__}, {BATCH} x {tokens}, {precision}: {best_step(kind, tokens, mixed):.1f} ms", flush=True)
