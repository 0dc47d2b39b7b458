import { wire } from '../src/entrances/index.ts'
import { withstand } from './withstand.ts'

withstand(wire)
