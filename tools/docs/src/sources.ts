import ts from 'typescript'
import { files, root } from './pages.ts'

/** The exports of the packages, read from their sources. */
export class Sources {
  readonly #checker: ts.TypeChecker
  /** By package. */
  readonly #exports: ReadonlyMap<string, readonly ts.Symbol[]>

  constructor() {
    const entries = entryPoints()
    const program = ts.createProgram(
      entries.map(({ file }) => file),
      compilerOptions(),
    )
    this.#checker = program.getTypeChecker()
    this.#exports = new Map(
      entries.map(({ name, file }) => {
        const module = this.#checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile)
        return [name, this.#checker.getExportsOfModule(module as ts.Symbol)]
      }),
    )
  }

  /** The package of each export by name, and whether it exists at run time. */
  get exports(): ReadonlyMap<string, { readonly from: string; readonly isValue: boolean }> {
    const all = new Map<string, { from: string; isValue: boolean }>()
    for (const [from, symbols] of this.#exports)
      for (const symbol of symbols)
        all.set(symbol.name, { from, isValue: (this.#target(symbol).flags & ts.SymbolFlags.Value) !== 0 })
    return all
  }

  /** Returns the members of an interface and its bases, required ones first. @throws Error when there is no such interface */
  options(name: string): Option[] {
    const type = this.#checker.getDeclaredTypeOfSymbol(this.#find(name))
    const options = type.getProperties().map(property => this.#option(property))
    if (options.length === 0) throw new Error(`${name} has no members`)
    return options.sort((a, b) => Number(b.isRequired) - Number(a.isRequired))
  }

  /** Returns the strings in a union of literals. */
  literals(name: string): string[] {
    const type = this.#checker.getDeclaredTypeOfSymbol(this.#find(name))
    if (!type.isUnion()) throw new Error(`${name} is no union`)
    return type.types.map(member => (member as ts.StringLiteralType).value)
  }

  /** Returns the doc comment of an export. */
  comment(name: string): string {
    return ts.displayPartsToString(this.#find(name).getDocumentationComment(this.#checker))
  }

  #option(property: ts.Symbol): Option {
    const tags = property.getJsDocTags(this.#checker)
    const fallback = tags.find(({ name }) => name === 'default')?.text
    return {
      name: property.name,
      isRequired: (property.flags & ts.SymbolFlags.Optional) === 0,
      meaning: oneLine(ts.displayPartsToString(property.getDocumentationComment(this.#checker))),
      fallback: fallback && oneLine(ts.displayPartsToString(fallback)),
    }
  }

  #find(name: string): ts.Symbol {
    const found = [...this.#exports.values()].flat().find(symbol => symbol.name === name)
    if (found === undefined) throw new Error(`no package exports ${name}`)
    return this.#target(found)
  }

  #target(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol
  }
}

/** A member of an interface of options. */
export interface Option {
  readonly name: string
  readonly isRequired: boolean
  readonly meaning: string
  /** The text of `@default`. */
  readonly fallback: string | undefined
}

export interface EntryPoint {
  /** The package's. */
  readonly name: string
  readonly file: string
}

/** The packages that are published. */
export function entryPoints(): EntryPoint[] {
  return files('packages/*/src/index.ts').map(path => ({
    name: `@rpcx/${path.split('/')[1]}`,
    file: root + path,
  }))
}

/** The compiler options of the repository, with the sources of its packages. */
export function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(`${root}tsconfig.base.json`, ts.sys.readFile)
  return ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, `${root}tools/docs`).options
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
