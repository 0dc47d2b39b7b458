import { parseAddress } from '../address.ts'
import type { Driver } from '../discovery/driver.ts'
import { checkMs } from '../options.ts'
import type { PluginHost, ServerHooks, ServerPlugin } from '../server/plugin.ts'
import type { RegisterPluginOptions } from './register-plugin-options.ts'
import { Registration } from './registration.ts'

/** The register plugin of every backend. It keeps a registry up to date with the services of its servers. */
export class RegisterPlugin implements ServerPlugin {
  readonly #driver: Driver
  readonly #options: RegisterPluginOptions

  /** @throws RangeError or TypeError that names the option; `ERR_RPCX_ADDRESS` */
  constructor(driver: Driver, options: RegisterPluginOptions) {
    if (typeof options.serviceAddress === 'string') parseAddress(options.serviceAddress)
    if (options.updateIntervalMs !== undefined)
      checkMs(driver.name, 'updateIntervalMs', options.updateIntervalMs)
    this.#driver = driver
    this.#options = options
  }

  attach(host: PluginHost): ServerHooks {
    return new Registration(this.#driver, host, this.#options)
  }
}
