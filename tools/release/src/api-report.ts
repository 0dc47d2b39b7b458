import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ExtractorMessage } from '@microsoft/api-extractor'
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'

const packages = new URL('../../../packages/', import.meta.url)

/**
 * Compares what each package that is built offers with its report, `<name>.api.md`, and brings the report up to date when `update`
 * says so. Returns the names of those that differed.
 */
export function reportApis(update: boolean): string[] {
  const names = readdirSync(packages)
  const configs = names.map(configOf)
  // One program for all, since most of the time goes into reading what they import.
  const additionalEntryPoints = configs.map(config => config.mainEntryPointFilePath)
  const compilerState = CompilerState.create(configs[0] as ExtractorConfig, { additionalEntryPoints })
  const options = { compilerState, localBuild: update, messageCallback: ignore }
  return names.filter((_name, i) => Extractor.invoke(configs[i] as ExtractorConfig, options).apiReportChanged)
}

function configOf(name: string): ExtractorConfig {
  const projectFolder = fileURLToPath(new URL(name, packages))
  return ExtractorConfig.prepare({
    packageJsonFullPath: `${projectFolder}/package.json`,
    configObjectFullPath: undefined,
    configObject: {
      projectFolder,
      mainEntryPointFilePath: `${projectFolder}/dist/index.d.cts`,
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: { compilerOptions: { module: 'nodenext', target: 'es2023', types: ['node'] } },
      },
      apiReport: {
        enabled: true,
        reportFolder: projectFolder,
        reportFileName: name,
        reportTempFolder: `${projectFolder}/reports`,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      // What the compiler and TypeDoc look at is theirs to judge.
      messages: {
        compilerMessageReporting: { default: silent },
        extractorMessageReporting: { default: silent },
        tsdocMessageReporting: { default: silent },
      },
    },
  })
}

const silent = { logLevel: ExtractorLogLevel.None }

function ignore(message: ExtractorMessage): void {
  message.handled = true
}
