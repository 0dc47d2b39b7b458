import type { DocumentReflection, ProjectReflection } from 'typedoc'
import { Application, Converter, Logger, LogLevel, PageEvent } from 'typedoc'
import { files, root } from './pages.ts'
import { entryPoints } from './sources.ts'

/** Where `npm run docs` puts the site. */
export const site: string = `${root}site`

/** Builds the site with the guides and the API reference into a folder. Resolves to the warnings. */
export async function buildSite(out: string): Promise<string[]> {
  const packages = entryPoints()
  const documents = new Map(
    Object.entries(DOCUMENTS).flatMap(([group, patterns]) =>
      patterns.flatMap(pattern => files(pattern).map(path => [root + path, group] as const)),
    ),
  )
  const app = await Application.bootstrap({
    name: 'rpcx',
    entryPoints: packages.map(({ file }) => file),
    tsconfig: `${root}tools/docs/tsconfig.site.json`,
    basePath: root,
    readme: `${root}README.md`,
    projectDocuments: [...documents.keys()],
    navigation: { includeGroups: true },
    groupOrder: [...Object.keys(DOCUMENTS), '*'],
    customCss: `${root}tools/docs/src/site.css`,
    // Source links would contain the path of the machine that built the site.
    disableSources: true,
    packagesRequiringDocumentation: packages.map(({ name }) => name),
    requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Variable'],
    highlightLanguages: ['ts', 'sh', 'js', 'go', 'hcl'],
    validation: {
      invalidLink: true,
      invalidPath: true,
      notDocumented: true,
      rewrittenLink: true,
      unusedMergeModuleWith: true,
    },
  })
  const warnings = new Warnings()
  app.logger = warnings
  const names = new Map(packages.map(({ name }) => [`packages/${name.slice('@rpcx/'.length)}/src`, name]))
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }: { project: ProjectReflection }) => {
    for (const module of project.children ?? []) module.name = names.get(module.name) ?? module.name
    for (const document of project.documents ?? []) {
      document.name = titleOf(document)
      document.frontmatter.group = documents.get(project.files.getReflectionPath(document) ?? '')
    }
  })
  // TypeDoc links to folders, which only a web server resolves. The site must also work from a disk.
  app.renderer.on(PageEvent.END, page => {
    page.contents = (page.contents ?? '').replaceAll(/href="\.\.\/(?=["#])/g, 'href="../index.html')
  })
  const project = await app.convert()
  if (project === undefined) return [...warnings.all, 'nothing was converted']
  app.validate(project)
  await app.generateDocs(project, out)
  return warnings.all
}

/** The guides of the site, by group. */
const DOCUMENTS: Readonly<Record<string, readonly string[]>> = {
  Guides: ['docs/README.md', 'docs/[!R]*.md', 'README.zh-CN.md'],
  'How it works': ['PROTOCOL.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  Examples: ['examples/README.md', 'examples/*/README.md'],
}

/** Returns the first heading of a page. */
function titleOf({ name, content }: DocumentReflection): string {
  const text = content.map(part => part.text).join('')
  return /^# (.*)$/m.exec(text)?.[1] ?? name
}

class Warnings extends Logger {
  readonly all: string[] = []

  override log(message: string, level: LogLevel): void {
    if (level >= LogLevel.Warn) this.all.push(message)
  }
}
