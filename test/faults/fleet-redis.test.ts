import { redisFor } from '../e2e/site.ts';
import { sharedByGatewaysThatDie } from './fleet-crash.ts';

sharedByGatewaysThatDie(async (t) => ({ store: `${(await redisFor(t)).url}/0` }));
