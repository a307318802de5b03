// Warnings in memory, held to what those in PostgreSQL do.
import { describeWarningStore } from '../../fakes/warning-store-suite.ts';
import { fakeWarningStore } from '../../fakes/warning-store.ts';

describeWarningStore('memory', async () => fakeWarningStore());
