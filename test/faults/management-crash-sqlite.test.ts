import { testCrashes } from './management-crash.ts';

testCrashes('SQLite');
