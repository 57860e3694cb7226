// RUN: winnow-opt %s --split-input-file --winnow-raise-attention | FileCheck %s

// Every refusal leaves the ops as they are and says why.

// CHECK: applied = false, code = "attention.softmax-axis"
// CHECK-SAME: sentence = "expected softmax over axis 3, got 2"
// CHECK-LABEL: func @softmax_axis
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @softmax_axis(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32> {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %0 {axis = 2 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.probabilities-used"
// CHECK-SAME: sentence = "the probabilities have a use
// CHECK-LABEL: func @probabilities_used
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @probabilities_used(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>) -> (tensor<2x4x5x8xf32>, tensor<2x4x5x5xf32>) {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %0 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o, %p : tensor<2x4x5x8xf32>, tensor<2x4x5x5xf32>
}

// -----

// CHECK: applied = false, code = "attention.scores-used"
// CHECK-SAME: sentence = "the scores have a use
// CHECK-LABEL: func @scores_used
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @scores_used(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>) -> (tensor<2x4x5x8xf32>, tensor<2x4x5x5xf32>) {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %0 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o, %0 : tensor<2x4x5x8xf32>, tensor<2x4x5x5xf32>
}

// -----

// CHECK: applied = false, code = "attention.scores"
// CHECK-SAME: sentence = "expected the scores to come from a matmul, got an argument"
// CHECK-LABEL: func @scores_from_argument
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @scores_from_argument(%s: tensor<2x4x5x5xf32>, %v: tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32> {
  %p = winnow.softmax %s {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.mask-fill"
// CHECK-SAME: sentence = "hidden scores are filled with -100.0
// CHECK-LABEL: func @mask_fill
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @mask_fill(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %m: tensor<2x1x1x5xi1>) -> tensor<2x4x5x8xf32> {
  %f = winnow.constant dense<-100.0> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %1 = winnow.select %m, %0, %f : (tensor<2x1x1x5xi1>, tensor<2x4x5x5xf32>, tensor<f32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %1 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.scale-after-mask"
// CHECK-SAME: sentence = "the scores are scaled after they are masked"
// CHECK-LABEL: func @scale_after_mask
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @scale_after_mask(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %m: tensor<2x1x1x5xf32>, %f: tensor<2x1x1x5xf32>) -> tensor<2x4x5x8xf32> {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %1 = winnow.add %0, %m : (tensor<2x4x5x5xf32>, tensor<2x1x1x5xf32>) -> tensor<2x4x5x5xf32>
  %2 = winnow.mul %1, %f : (tensor<2x4x5x5xf32>, tensor<2x1x1x5xf32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %2 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.scale"
// CHECK-SAME: sentence = "the scores are multiplied by something that varies over queries"
// CHECK-LABEL: func @factor_varies_over_queries
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @factor_varies_over_queries(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %m: tensor<2x1x5x1xf32>) -> tensor<2x4x5x8xf32> {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %1 = winnow.mul %0, %m : (tensor<2x4x5x5xf32>, tensor<2x1x5x1xf32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %1 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.scores"
// CHECK-SAME: sentence = "two products contribute to the scores"
// CHECK-LABEL: func @two_products
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @two_products(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %r: tensor<2x4x5x16xf32>) -> tensor<2x4x5x8xf32> {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %1 = winnow.matmul %r, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %2 = winnow.add %0, %1 : (tensor<2x4x5x5xf32>, tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %2 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.rank"
// CHECK-SAME: sentence = "expected query, key and value of rank 3 or 4, got ranks 2, 2 and 2"
// CHECK-LABEL: func @rank_2
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @rank_2(%q: tensor<5x16xf32>, %k: tensor<16x5xf32>, %v: tensor<5x8xf32>) -> tensor<5x8xf32> {
  %0 = winnow.matmul %q, %k : (tensor<5x16xf32>, tensor<16x5xf32>) -> tensor<5x5xf32>
  %p = winnow.softmax %0 {axis = 1 : i64} : (tensor<5x5xf32>) -> tensor<5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<5x5xf32>, tensor<5x8xf32>) -> tensor<5x8xf32>
  return %o : tensor<5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.head-size"
// CHECK-SAME: sentence = "expected static head sizes, got s0 and 8"
// CHECK-LABEL: func @head_size
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @head_size(%q: tensor<2x4x5x?xf32, affine_map<()[s0] -> (2, 4, 5, s0)>>, %k: tensor<2x4x?x5xf32, affine_map<()[s0] -> (2, 4, s0, 5)>>, %v: tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32> {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x?xf32, affine_map<()[s0] -> (2, 4, 5, s0)>>, tensor<2x4x?x5xf32, affine_map<()[s0] -> (2, 4, s0, 5)>>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %0 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.batch"
// CHECK-SAME: sentence = "expected batch sizes to match, got 2, 1 and 2"
// CHECK-LABEL: func @batch
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @batch(%q: tensor<2x4x5x16xf32>, %k: tensor<1x4x16x5xf32>, %v: tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32> {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<1x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %0 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.heads"
// CHECK-SAME: sentence = "expected static heads that the key
// CHECK-LABEL: func @heads
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @heads(%q: tensor<2x4x5x16xf32>, %k: tensor<2x1x16x5xf32>, %v: tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32> {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x1x16x5xf32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %0 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.probabilities-used"
// CHECK-SAME: sentence = "the probabilities have a use
// CHECK-LABEL: func @nan_becomes_one
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @nan_becomes_one(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32> {
  %c = winnow.constant dense<1.0> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %0 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %n = winnow.is_nan %p : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xi1>
  %g = winnow.select %n, %c, %p : (tensor<2x4x5x5xi1>, tensor<f32>, tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %g, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.mask-fill"
// CHECK-SAME: sentence = "hidden scores are filled with -65504.0
// CHECK-LABEL: func @finite_fill_of_halves
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @finite_fill_of_halves(%q: tensor<2x4x5x16xf16>, %k: tensor<2x4x16x5xf16>, %v: tensor<2x4x5x16xf16>, %m: tensor<2x1x1x5xi1>) -> tensor<2x4x5x16xf16> {
  %f = winnow.constant dense<-65504.0> : tensor<f16>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf16>, tensor<2x4x16x5xf16>) -> tensor<2x4x5x5xf16>
  %1 = winnow.select %m, %0, %f : (tensor<2x1x1x5xi1>, tensor<2x4x5x5xf16>, tensor<f16>) -> tensor<2x4x5x5xf16>
  %p = winnow.softmax %1 {axis = 3 : i64} : (tensor<2x4x5x5xf16>) -> tensor<2x4x5x5xf16>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf16>, tensor<2x4x5x16xf16>) -> tensor<2x4x5x16xf16>
  return %o : tensor<2x4x5x16xf16>
}

// -----

// The lowest float that stands for the fill would overflow under another mask.
// CHECK: applied = false, code = "attention.mask-shape"
// CHECK-LABEL: func @added_after_fill
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @added_after_fill(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %c: tensor<2x1x1x5xi1>, %m: tensor<2x1x1x5xf32>) -> tensor<2x4x5x8xf32> {
  %f = winnow.constant dense<-1.0e9> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %1 = winnow.select %c, %0, %f : (tensor<2x1x1x5xi1>, tensor<2x4x5x5xf32>, tensor<f32>) -> tensor<2x4x5x5xf32>
  %2 = winnow.add %1, %m : (tensor<2x4x5x5xf32>, tensor<2x1x1x5xf32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %2 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

// CHECK: applied = false, code = "attention.type"
// CHECK-LABEL: func @f64
// CHECK-NOT: winnow.attention
// CHECK: return
func.func @f64(%q: tensor<2x4x5x16xf64>, %k: tensor<2x4x16x5xf64>, %v: tensor<2x4x5x8xf64>) -> tensor<2x4x5x8xf64> {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf64>, tensor<2x4x16x5xf64>) -> tensor<2x4x5x5xf64>
  %p = winnow.softmax %0 {axis = 3 : i64} : (tensor<2x4x5x5xf64>) -> tensor<2x4x5x5xf64>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf64>, tensor<2x4x5x8xf64>) -> tensor<2x4x5x8xf64>
  return %o : tensor<2x4x5x8xf64>
}

// -----

!q = tensor<2x4x3x16xf32>
!k = tensor<2x4x16x5xf32>
!v = tensor<2x4x5x16xf32>
!scores = tensor<2x4x3x5xf32>

// CHECK: code = "attention.probabilities-masked"
// CHECK-LABEL: func @zeroed_elsewhere
// CHECK-NOT: winnow.attention
func.func @zeroed_elsewhere(%q: !q, %k: !k, %v: !v, %m: tensor<2x1x1x5xi1>) -> !q {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %0 = winnow.matmul %q, %k : (!q, !k) -> !scores
  %1 = winnow.softmax %0 {axis = 3 : i64} : (!scores) -> !scores
  %2 = winnow.select %m, %1, %zero : (tensor<2x1x1x5xi1>, !scores, tensor<f32>) -> !scores
  %3 = winnow.matmul %2, %v : (!scores, !v) -> !q
  return %3 : !q
}
