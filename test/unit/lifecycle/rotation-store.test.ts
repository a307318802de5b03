import { describeRotationStore } from '../../fakes/rotation-store-suite.ts';
import { fakeRotationStore } from '../../fakes/rotation-store.ts';

describeRotationStore('memory', async () => fakeRotationStore());
