/** A section of a page, with everything that a reader needs to follow it. */
export interface Recipe {
  readonly name: string
  /** The contents of the files by name, including the shared files of earlier sections. */
  readonly files: ReadonlyMap<string, string>
  readonly commands: readonly string[]
}

/**
 * Reads the recipes of a page: the headings of the third level, with the blocks below them. A block that begins with a comment like
 * `// jest.config.cjs` is that file, one of `sh` is a command. The files below a heading of the second level are for all that follow.
 */
export function recipesOf(page: string): Recipe[] {
  const common = new Map<string, string>()
  const recipes: { name: string; files: Map<string, string>; commands: string[] }[] = []
  let files = common
  for (const [, level, heading = '', language, code = ''] of page.matchAll(PART)) {
    if (level === '##') files = common
    else if (level === '###') {
      files = new Map(common)
      recipes.push({ name: heading, files, commands: [] })
    } else if (language === 'sh') recipes.at(-1)?.commands.push(code)
    else files.set(/^\/\/ (\S+)/.exec(code)?.[1] ?? '', code)
  }
  return recipes.filter(({ commands }) => commands.length > 0)
}

/** A heading, or a block of code. */
const PART = /^(##+) (.+)$|^```(\w+)\n([\s\S]*?)^```$/gm
