import { sharedByGatewaysThatDie } from './fleet-crash.ts';

sharedByGatewaysThatDie(async () => ({}));
