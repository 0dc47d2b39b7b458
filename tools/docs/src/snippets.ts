import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import type { Block, Page } from './pages.ts'
import { root } from './pages.ts'
import type { Sources } from './sources.ts'
import { compilerOptions } from './sources.ts'

const GIVEN = `${root}tools/docs/src/given.d.ts`

/**
 * Writes the TypeScript of the pages as files that compile and run, with one folder per page. A block that begins with a comment like
 * `// server.ts` gets that name.
 */
export class Snippets {
  readonly #folder: string
  /** The page and line of the code in each file. */
  readonly #origins = new Map<string, { readonly page: string; readonly block: Block }>()

  /** @param name the name of the folder, whose contents are replaced */
  constructor(name: string, pages: readonly Page[], sources: Sources) {
    this.#folder = `${root}tools/docs/.cache/${name}`
    rmSync(this.#folder, { recursive: true, force: true })
    for (const page of pages) {
      for (const block of page.blocks.filter(({ language }) => language === 'ts')) {
        const file = this.file(page.path, nameOf(block))
        if (this.#origins.has(file)) throw new Error(`${page.path} has ${nameOf(block)} twice`)
        this.#origins.set(file, { page: page.path, block })
        mkdirSync(dirname(file), { recursive: true })
        writeFileSync(file, standalone(block, sources))
      }
    }
  }

  /** Returns the path of the file of a block. */
  file(page: string, name: string): string {
    return join(this.#folder, page.replaceAll(/\W/g, '-'), name)
  }

  /** Returns the compiler's errors by page, each with its line on the page. */
  errors(): Map<string, string[]> {
    const options: ts.CompilerOptions = {
      ...compilerOptions(),
      isolatedDeclarations: false,
      declaration: false,
      // Shown code may be unused.
      noUnusedLocals: false,
    }
    const program = ts.createProgram([...this.#origins.keys(), GIVEN], options)
    const errors = new Map<string, string[]>()
    for (const { file, start = 0, messageText } of ts.getPreEmitDiagnostics(program)) {
      const origin = file && this.#origins.get(file.fileName)
      const text = ts.flattenDiagnosticMessageText(messageText, '\n')
      if (origin === undefined) throw new Error(`${file?.fileName}: ${text}`)
      const line = file?.getLineAndCharacterOfPosition(start).line ?? 0
      const found = `${origin.page}:${line + 1}: ${text}`
      errors.set(origin.page, [...(errors.get(origin.page) ?? []), found])
    }
    return errors
  }
}

/** Returns the name of the file of a block. */
export function nameOf({ code, line }: Block): string {
  return /^\/\/ (\S+\.ts)\n/.exec(code)?.[1] ?? `line-${line}.ts`
}

/** Returns the code on the same lines as on the page, after imports of the names that it uses but does not import. */
function standalone({ code, line }: Block, sources: Sources): string {
  const { used, declared } = names(ts.createSourceFile('snippet.ts', code, ts.ScriptTarget.Latest, true))
  const imports = [...sources.exports]
    .filter(([name]) => used.has(name) && !declared.has(name))
    .map(([name, { from, isValue }]) => `import ${isValue ? '' : 'type '}{ ${name} } from '${from}';`)
  return `${imports.join('')}export {};${'\n'.repeat(line - 1)}${code}`
}

/** Returns all names in a file, and those that it declares itself. */
function names(file: ts.SourceFile): { used: Set<string>; declared: Set<string> } {
  const used = new Set<string>()
  const declared = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      used.add(node.text)
      const { parent } = node
      const declares =
        (ts.isImportSpecifier(parent) ||
          ts.isImportClause(parent) ||
          ts.isNamespaceImport(parent) ||
          ts.isVariableDeclaration(parent) ||
          ts.isClassDeclaration(parent) ||
          ts.isInterfaceDeclaration(parent) ||
          ts.isTypeAliasDeclaration(parent) ||
          ts.isFunctionDeclaration(parent) ||
          ts.isBindingElement(parent) ||
          ts.isParameter(parent)) &&
        parent.name === node
      if (declares) declared.add(node.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return { used, declared }
}
