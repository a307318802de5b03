import { memoryTrustBundles } from '../../fakes/trust-bundles.ts';
import { describeTrustBundleStore } from '../../fakes/trust-bundle-suite.ts';

describeTrustBundleStore(async () => memoryTrustBundles());
