/** All tables, in the order in which a reader would want them. */
import type { WireTable } from '../cases.ts';
import { admin } from './admin.ts';
import { arithmetic } from './arithmetic.ts';
import { binaryControl } from './binary-control.ts';
import { binaryRetrieval } from './binary-retrieval.ts';
import { binaryStorage } from './binary-storage.ts';
import { cas } from './cas.ts';
import { control } from './control.ts';
import { exptime } from './exptime.ts';
import { flush } from './flush.ts';
import { limits } from './limits.ts';
import { metaArithmetic } from './meta-arithmetic.ts';
import { metaDelete } from './meta-delete.ts';
import { metaGet } from './meta-get.ts';
import { metaSet } from './meta-set.ts';
import { misbehaviour } from './misbehaviour.ts';
import { refused } from './refused.ts';
import { retrieval } from './retrieval.ts';
import { storage } from './storage.ts';
import { touchDelete } from './touch-delete.ts';

export const tables: readonly WireTable[] = [
  storage,
  refused,
  cas,
  retrieval,
  arithmetic,
  touchDelete,
  flush,
  exptime,
  control,
  misbehaviour,
  limits,
  metaGet,
  metaSet,
  metaDelete,
  metaArithmetic,
  binaryRetrieval,
  binaryStorage,
  binaryControl,
  admin,
];
