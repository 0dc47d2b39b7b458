import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import type { Block, Page } from './pages.ts'
import { root } from './pages.ts'
import type { Sources } from './sources.ts'
import { compilerOptions } from './sources.ts'

const GIVEN = `${root}tools/docs/src/given.d.ts`

/**
 * The TypeScript of the pages as files that can be compiled and run, one folder for each page, in which a block that begins with
 * a comment like `// server.ts` has that name.
 */
export class Snippets {
  readonly #folder: string
  /** Where the code of each file stands. */
  readonly #origins = new Map<string, { readonly page: string; readonly block: Block }>()

  /** @param name of the folder, which is replaced */
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

  /** The path of a block's file. */
  file(page: string, name: string): string {
    return join(this.#folder, page.replaceAll(/\W/g, '-'), name)
  }

  /** What the compiler finds wrong, by page: each with its line there. */
  errors(): Map<string, string[]> {
    const options: ts.CompilerOptions = {
      ...compilerOptions(),
      isolatedDeclarations: false,
      declaration: false,
      // What is shown is not always used.
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

/** Of the file that a block is. */
export function nameOf({ code, line }: Block): string {
  return /^\/\/ (\S+\.ts)\n/.exec(code)?.[1] ?? `line-${line}.ts`
}

/** On the lines that it has in the page, behind imports of what it does not import itself. */
function standalone({ code, line }: Block, sources: Sources): string {
  const { used, declared } = names(ts.createSourceFile('snippet.ts', code, ts.ScriptTarget.Latest, true))
  const imports = [...sources.exports]
    .filter(([name]) => used.has(name) && !declared.has(name))
    .map(([name, { from, isValue }]) => `import ${isValue ? '' : 'type '}{ ${name} } from '${from}';`)
  return `${imports.join('')}export {};${'\n'.repeat(line - 1)}${code}`
}

/** All names in a file, and those that it declares itself, at its top or as parameters. */
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
