import { fakeEnrollmentStore } from '../../fakes/enrollment-store.ts';
import { describeEnrollmentStore } from '../../fakes/enrollment-store-suite.ts';

describeEnrollmentStore('the fake', async () => fakeEnrollmentStore());
