import { wire } from '../src/targets/index.ts'
import { withstand } from './withstand.ts'

withstand(wire)
