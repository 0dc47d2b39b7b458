import { fileURLToPath } from 'node:url'
import type { ExtractorMessage } from '@microsoft/api-extractor'
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'

export const packages: URL = new URL('../../../packages/', import.meta.url)

/**
 * Compares what a package that is built offers with its report, `<name>.api.md`, and brings the report up to date when `update` says
 * so. Resolves to whether they differed.
 */
export function reportApi(name: string, update: boolean): boolean {
  const projectFolder = fileURLToPath(new URL(name, packages))
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: `${projectFolder}/package.json`,
    configObjectFullPath: undefined,
    configObject: {
      projectFolder,
      mainEntryPointFilePath: `${projectFolder}/dist/index.d.ts`,
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
  return Extractor.invoke(config, { localBuild: update, messageCallback: ignore }).apiReportChanged
}

const silent = { logLevel: ExtractorLogLevel.None }

function ignore(message: ExtractorMessage): void {
  message.handled = true
}
