import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The Debian packages with every jar that a single ZooKeeper server loads. */
export const zooKeeperPackages: readonly string[] = [
  'libzookeeper-java',
  'libslf4j-java',
  'libdropwizard-metrics-java',
  'libsnappy-java',
  'libnetty-java',
]

/** For a virtual machine beside other busy processes on two cores: small, and quick to start rather than to run. */
export const javaFlags: readonly string[] = [
  '-Xmx96m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
]

/** The command that starts ZooKeeper from a folder of jars; the configuration file follows it. */
export function javaCommand(java: string, jars: string): [string, ...string[]] {
  const classPath = jarNames.map(name => join(jars, `${name}.jar`)).filter(existsSync)
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
  return [java, ...javaFlags, '-cp', classPath.join(':'), main]
}

// Debian's zookeeper.jar names its dependencies by their installed paths: last here, so that jars beside it win.
const jarNames = [
  'slf4j-api',
  'slf4j-simple',
  'metrics-core',
  'snappy-java',
  'netty-common',
  'netty-buffer',
  'netty-resolver',
  'netty-transport',
  'netty-codec',
  'netty-handler',
  'netty-transport-native-unix-common',
  'netty-transport-native-epoll',
  'zookeeper-jute',
  'zookeeper',
]
