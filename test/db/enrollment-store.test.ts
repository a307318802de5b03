import { afterAll, beforeAll } from '@jest/globals';
import { describeEnrollmentStore } from '../fakes/enrollment-store-suite.ts';
import { type EnrollmentDatabase, enrollmentDatabase } from './support/enrollment-database.ts';

let opened: EnrollmentDatabase;

beforeAll(async () => {
  opened = await enrollmentDatabase();
});

afterAll(async () => {
  await opened.close();
});

describeEnrollmentStore('PostgreSQL', async () => opened.store);
