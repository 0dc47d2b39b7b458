import { isRpcxError, systemClock } from '@rpcx/core'
import type { ConsulDriver } from '../../../../packages/consul/src/driver.ts'
import type { DNSDriver } from '../../../../packages/core/src/discovery/dns-driver.ts'

/** Watches a service until the first report, and returns the reports. Ignores `RpcxError`s. */
export async function reportsOf(driver: ConsulDriver | DNSDriver): Promise<unknown[]> {
  const reports: unknown[] = []
  const enough = new AbortController()
  const session = await driver.open(enough.signal, systemClock)
  const tell = (what: unknown): void => {
    reports.push(what)
    enough.abort()
  }
  const replica = { replace: tell, put: tell, remove: tell, ignore: tell }
  try {
    await session.watchService('Arith', replica, enough.signal)
  } catch (error) {
    if (!isRpcxError(error)) throw error
  } finally {
    await session.close(AbortSignal.timeout(1_000))
  }
  return reports
}
