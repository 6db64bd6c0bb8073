import { dirname, join } from "node:path";

/** Files and folders that pages name and a reader has; small ones of the same form stand in for them. */
export const STAND_INS: Readonly<Record<string, (path: string) => Promise<void>>> = {
  /** The Large Movie Review Dataset's layout with 40 training and 20 test reviews. */
  "aclImdb": writeMovieFolder,
  /** The same as an archive. */
  "aclImdb-train.tar.gz": async (path) => {
    const folder = await Deno.makeTempDir({ prefix: "epsilon-docs-" });
    try {
      await writeMovieFolder(join(folder, "aclImdb"));
      const tar = new Deno.Command("tar", { args: ["-C", folder, "-czf", path, "aclImdb"] });
      if (!(await tar.output()).success) throw new Error("tar failed");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
  "reviews.csv": (path) => writeTable(path, "id,review,label", (i, text, label) => `${i},"${text}",${label}`),
  "reviews.jsonl": (path) => writeTable(path, "", (i, text, label) => JSON.stringify({ id: i, text, label })),
  "paper.toml": (path) => Deno.writeTextFile(path, 'epochs = 25\nhalting = "exit"\n'),
};

const OPENINGS = ["A moving film", "A dull mess", "What a joy", "What a bore", "Tender and true", "Loud and false"];
const ENDINGS = ["I would watch it again.", "I left early.", "The lead shines.", "Nobody shines."];

/** A short review whose words tell its class, 0 for negative. */
function review(i: number): { readonly text: string; readonly label: 0 | 1 } {
  const label = (i + 1) % 2 as 0 | 1;
  return { text: `${OPENINGS[i % 6]}; take ${i}. ${ENDINGS[(2 * i + 1 - label) % 4]}`, label };
}

async function writeTable(
  path: string,
  header: string,
  row: (i: number, text: string, label: string) => string,
): Promise<void> {
  const rows = Array.from({ length: 40 }, (_, i) => {
    const { text, label } = review(i);
    return row(i, text, label === 1 ? "positive" : "negative");
  });
  await Deno.writeTextFile(path, `${[header, ...rows].filter((line) => line !== "").join("\n")}\n`);
}

async function writeMovieFolder(folder: string): Promise<void> {
  for (const [split, count] of [["train", 40], ["test", 20]] as const) {
    for (let i = 0; i < count; i++) {
      const { text, label } = review(i);
      const path = join(folder, split, label === 1 ? "pos" : "neg", `${i}_${label === 1 ? 9 : 2}.txt`);
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeTextFile(path, `${text} (${split})`);
    }
  }
}
