// RUN: winnow-opt %s -split-input-file --winnow-raise-probsparse | FileCheck %s

// Keys are sampled by pairs of a query and a key, rows by batch, head and query.
// CHECK-LABEL: module
// CHECK-SAME: sentence = "raised to probsparse_attention: 2 of 4 queries are kept by 2 of 4 keys, others for each; the rest are means"
// CHECK: %[[T:.*]] = winnow.constant dense<{{\[}}[1, 3], [0, 2], [2, 3], [1, 0]]> : tensor<4x2xi64>
// CHECK-NEXT: %[[A:.*]] = winnow.probsparse_attention %arg0, %arg1, %arg2, %[[T]] {kept = 2 : i64, scale = 5.000000e-01 : f32}
// CHECK-NEXT: %[[Y:.*]] = winnow.transpose %[[A]] [0, 2, 1, 3]
// CHECK-NEXT: return %[[Y]]
module {
func.func @raised(%q: tensor<2x4x2x3xf32>, %k: tensor<2x4x2x3xf32>, %v: tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32> attributes {winnow.symbols = []} {
  %table = winnow.constant dense<[[[0, 1], [0, 3]], [[1, 0], [1, 2]], [[2, 2], [2, 3]], [[3, 1], [3, 0]]]> : tensor<4x2x2xi64>
  %batches = winnow.constant dense<[[[[0], [0]], [[0], [0]]], [[[1], [1]], [[1], [1]]]]> : tensor<2x2x2x1xi64>
  %heads = winnow.constant dense<[[[[0], [0]], [[1], [1]]]]> : tensor<1x2x2x1xi64>
  %four = winnow.constant dense<4.0> : tensor<f32>
  %qh = winnow.transpose %q [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %kh = winnow.transpose %k [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %vh = winnow.transpose %v [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %k1 = winnow.reshape %kh : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x4x3xf32>
  %k2 = winnow.broadcast_to %k1 : (tensor<2x2x1x4x3xf32>) -> tensor<2x2x4x4x3xf32>
  %k3 = winnow.transpose %k2 [2, 3, 0, 1, 4] : (tensor<2x2x4x4x3xf32>) -> tensor<4x4x2x2x3xf32>
  %k4 = winnow.gather_nd %k3, %table : (tensor<4x4x2x2x3xf32>, tensor<4x2x2xi64>) -> tensor<4x2x2x2x3xf32>
  %k5 = winnow.transpose %k4 [2, 3, 0, 4, 1] : (tensor<4x2x2x2x3xf32>) -> tensor<2x2x4x3x2xf32>
  %q1 = winnow.reshape %qh : (tensor<2x2x4x3xf32>) -> tensor<2x2x4x1x3xf32>
  %s1 = winnow.matmul %q1, %k5 : (tensor<2x2x4x1x3xf32>, tensor<2x2x4x3x2xf32>) -> tensor<2x2x4x1x2xf32>
  %s2 = winnow.reshape %s1 : (tensor<2x2x4x1x2xf32>) -> tensor<2x2x4x2xf32>
  %max = winnow.reduce max %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %sum = winnow.reduce sum %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %share = winnow.div %sum, %four : (tensor<2x2x4xf32>, tensor<f32>) -> tensor<2x2x4xf32>
  %m = winnow.sub %max, %share : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x2x4xf32>
  %values, %top = winnow.topk %m {axis = 2 : i64, largest} : (tensor<2x2x4xf32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xi64>)
  %h1 = winnow.broadcast_to %heads : (tensor<1x2x2x1xi64>) -> tensor<2x2x2x1xi64>
  %t1 = winnow.reshape %top : (tensor<2x2x2xi64>) -> tensor<2x2x2x1xi64>
  %tuples = winnow.concat %batches, %h1, %t1 {axis = 3 : i64} : (tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>) -> tensor<2x2x2x3xi64>
  %r1 = winnow.gather_nd %qh, %tuples : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x3xf32>
  %r2 = winnow.transpose %r1 [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a = winnow.attention %r2, %k, %v {scale = 0.5 : f32} : (tensor<2x2x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a1 = winnow.transpose %a [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %mean = winnow.reduce mean %vh [2] {keepdims} : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x3xf32>
  %rest = winnow.broadcast_to %mean : (tensor<2x2x1x3xf32>) -> tensor<2x2x4x3xf32>
  %y = winnow.scatter_nd %rest, %tuples, %a1 : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>, tensor<2x2x2x3xf32>) -> tensor<2x2x4x3xf32>
  return %y : tensor<2x2x4x3xf32>
}
}

// -----

// Running sums, and a mask of rows that hides later keys.
// CHECK-LABEL: module
// CHECK-SAME: the rest are running sums, causal"
// CHECK: winnow.probsparse_attention %arg0, %arg1, %arg2, %{{.*}} {causal, cumsum, kept = 2 : i64, scale = 5.000000e-01 : f32}
module {
func.func @causal(%q: tensor<2x4x2x3xf32>, %k: tensor<2x4x2x3xf32>, %v: tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32> attributes {winnow.symbols = []} {
  %table = winnow.constant dense<[[[0, 1], [0, 3]], [[1, 0], [1, 2]], [[2, 2], [2, 3]], [[3, 1], [3, 0]]]> : tensor<4x2x2xi64>
  %batches = winnow.constant dense<[[[[0], [0]], [[0], [0]]], [[[1], [1]], [[1], [1]]]]> : tensor<2x2x2x1xi64>
  %heads = winnow.constant dense<[[[[0], [0]], [[1], [1]]]]> : tensor<1x2x2x1xi64>
  %four = winnow.constant dense<4.0> : tensor<f32>
  %qh = winnow.transpose %q [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %kh = winnow.transpose %k [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %vh = winnow.transpose %v [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %k1 = winnow.reshape %kh : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x4x3xf32>
  %k2 = winnow.broadcast_to %k1 : (tensor<2x2x1x4x3xf32>) -> tensor<2x2x4x4x3xf32>
  %k3 = winnow.transpose %k2 [2, 3, 0, 1, 4] : (tensor<2x2x4x4x3xf32>) -> tensor<4x4x2x2x3xf32>
  %k4 = winnow.gather_nd %k3, %table : (tensor<4x4x2x2x3xf32>, tensor<4x2x2xi64>) -> tensor<4x2x2x2x3xf32>
  %k5 = winnow.transpose %k4 [2, 3, 0, 4, 1] : (tensor<4x2x2x2x3xf32>) -> tensor<2x2x4x3x2xf32>
  %q1 = winnow.reshape %qh : (tensor<2x2x4x3xf32>) -> tensor<2x2x4x1x3xf32>
  %s1 = winnow.matmul %q1, %k5 : (tensor<2x2x4x1x3xf32>, tensor<2x2x4x3x2xf32>) -> tensor<2x2x4x1x2xf32>
  %s2 = winnow.reshape %s1 : (tensor<2x2x4x1x2xf32>) -> tensor<2x2x4x2xf32>
  %max = winnow.reduce max %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %sum = winnow.reduce sum %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %share = winnow.div %sum, %four : (tensor<2x2x4xf32>, tensor<f32>) -> tensor<2x2x4xf32>
  %m = winnow.sub %max, %share : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x2x4xf32>
  %values, %top = winnow.topk %m {axis = 2 : i64, largest} : (tensor<2x2x4xf32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xi64>)
  %h1 = winnow.broadcast_to %heads : (tensor<1x2x2x1xi64>) -> tensor<2x2x2x1xi64>
  %t1 = winnow.reshape %top : (tensor<2x2x2xi64>) -> tensor<2x2x2x1xi64>
  %tuples = winnow.concat %batches, %h1, %t1 {axis = 3 : i64} : (tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>) -> tensor<2x2x2x3xi64>
  %r1 = winnow.gather_nd %qh, %tuples : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x3xf32>
  %r2 = winnow.transpose %r1 [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %later = winnow.constant dense<[[[[false, true, true, true], [false, false, true, true], [false, false, false, true], [false, false, false, false]]]]> : tensor<1x1x4x4xi1>
  %wide = winnow.broadcast_to %later : (tensor<1x1x4x4xi1>) -> tensor<2x2x4x4xi1>
  %hidden = winnow.gather_nd %wide, %tuples : (tensor<2x2x4x4xi1>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x4xi1>
  %mask = winnow.not %hidden : (tensor<2x2x2x4xi1>) -> tensor<2x2x2x4xi1>
  %a = winnow.attention %r2, %k, %v mask(%mask) {scale = 0.5 : f32} : (tensor<2x2x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x2x2x4xi1>) -> tensor<2x2x2x3xf32>
  %a1 = winnow.transpose %a [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %rest = winnow.cumsum %vh {axis = 2 : i64} : (tensor<2x2x4x3xf32>) -> tensor<2x2x4x3xf32>
  %y = winnow.scatter_nd %rest, %tuples, %a1 : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>, tensor<2x2x2x3xf32>) -> tensor<2x2x4x3xf32>
  return %y : tensor<2x2x4x3xf32>
}
}

// -----

// Rows of a mask that the model is given.
// CHECK-LABEL: module
// CHECK-SAME: code = "probsparse.raised"
// CHECK: winnow.probsparse_attention %arg0, %arg1, %arg2, %{{.*}} mask(%arg3) {kept = 2 : i64
module {
func.func @masked(%q: tensor<2x4x2x3xf32>, %k: tensor<2x4x2x3xf32>, %v: tensor<2x4x2x3xf32>, %given: tensor<2x2x4x4xf32>) -> tensor<2x2x4x3xf32> attributes {winnow.symbols = []} {
  %table = winnow.constant dense<[[[0, 1], [0, 3]], [[1, 0], [1, 2]], [[2, 2], [2, 3]], [[3, 1], [3, 0]]]> : tensor<4x2x2xi64>
  %batches = winnow.constant dense<[[[[0], [0]], [[0], [0]]], [[[1], [1]], [[1], [1]]]]> : tensor<2x2x2x1xi64>
  %heads = winnow.constant dense<[[[[0], [0]], [[1], [1]]]]> : tensor<1x2x2x1xi64>
  %four = winnow.constant dense<4.0> : tensor<f32>
  %qh = winnow.transpose %q [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %kh = winnow.transpose %k [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %vh = winnow.transpose %v [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %k1 = winnow.reshape %kh : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x4x3xf32>
  %k2 = winnow.broadcast_to %k1 : (tensor<2x2x1x4x3xf32>) -> tensor<2x2x4x4x3xf32>
  %k3 = winnow.transpose %k2 [2, 3, 0, 1, 4] : (tensor<2x2x4x4x3xf32>) -> tensor<4x4x2x2x3xf32>
  %k4 = winnow.gather_nd %k3, %table : (tensor<4x4x2x2x3xf32>, tensor<4x2x2xi64>) -> tensor<4x2x2x2x3xf32>
  %k5 = winnow.transpose %k4 [2, 3, 0, 4, 1] : (tensor<4x2x2x2x3xf32>) -> tensor<2x2x4x3x2xf32>
  %q1 = winnow.reshape %qh : (tensor<2x2x4x3xf32>) -> tensor<2x2x4x1x3xf32>
  %s1 = winnow.matmul %q1, %k5 : (tensor<2x2x4x1x3xf32>, tensor<2x2x4x3x2xf32>) -> tensor<2x2x4x1x2xf32>
  %s2 = winnow.reshape %s1 : (tensor<2x2x4x1x2xf32>) -> tensor<2x2x4x2xf32>
  %max = winnow.reduce max %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %sum = winnow.reduce sum %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %share = winnow.div %sum, %four : (tensor<2x2x4xf32>, tensor<f32>) -> tensor<2x2x4xf32>
  %m = winnow.sub %max, %share : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x2x4xf32>
  %values, %top = winnow.topk %m {axis = 2 : i64, largest} : (tensor<2x2x4xf32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xi64>)
  %h1 = winnow.broadcast_to %heads : (tensor<1x2x2x1xi64>) -> tensor<2x2x2x1xi64>
  %t1 = winnow.reshape %top : (tensor<2x2x2xi64>) -> tensor<2x2x2x1xi64>
  %tuples = winnow.concat %batches, %h1, %t1 {axis = 3 : i64} : (tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>) -> tensor<2x2x2x3xi64>
  %r1 = winnow.gather_nd %qh, %tuples : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x3xf32>
  %r2 = winnow.transpose %r1 [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %mask = winnow.gather_nd %given, %tuples : (tensor<2x2x4x4xf32>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x4xf32>
  %a = winnow.attention %r2, %k, %v mask(%mask) {scale = 0.5 : f32} : (tensor<2x2x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x2x2x4xf32>) -> tensor<2x2x2x3xf32>
  %a1 = winnow.transpose %a [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %mean = winnow.reduce mean %vh [2] {keepdims} : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x3xf32>
  %rest = winnow.broadcast_to %mean : (tensor<2x2x1x3xf32>) -> tensor<2x2x4x3xf32>
  %y = winnow.scatter_nd %rest, %tuples, %a1 : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>, tensor<2x2x2x3xf32>) -> tensor<2x2x4x3xf32>
  return %y : tensor<2x2x4x3xf32>
}
}

// -----

// A mask of the kept rows by their rank.
// CHECK-LABEL: module
// CHECK-SAME: applied = false, code = "probsparse.mask"{{.*}}sentence = "the mask of the kept queries is not read from one of all"
// CHECK: winnow.topk
module {
func.func @by_rank(%q: tensor<2x4x2x3xf32>, %k: tensor<2x4x2x3xf32>, %v: tensor<2x4x2x3xf32>, %mask: tensor<2x2x2x4xf32>) -> tensor<2x2x4x3xf32> attributes {winnow.symbols = []} {
  %table = winnow.constant dense<[[[0, 1], [0, 3]], [[1, 0], [1, 2]], [[2, 2], [2, 3]], [[3, 1], [3, 0]]]> : tensor<4x2x2xi64>
  %batches = winnow.constant dense<[[[[0], [0]], [[0], [0]]], [[[1], [1]], [[1], [1]]]]> : tensor<2x2x2x1xi64>
  %heads = winnow.constant dense<[[[[0], [0]], [[1], [1]]]]> : tensor<1x2x2x1xi64>
  %four = winnow.constant dense<4.0> : tensor<f32>
  %qh = winnow.transpose %q [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %kh = winnow.transpose %k [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %vh = winnow.transpose %v [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %k1 = winnow.reshape %kh : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x4x3xf32>
  %k2 = winnow.broadcast_to %k1 : (tensor<2x2x1x4x3xf32>) -> tensor<2x2x4x4x3xf32>
  %k3 = winnow.transpose %k2 [2, 3, 0, 1, 4] : (tensor<2x2x4x4x3xf32>) -> tensor<4x4x2x2x3xf32>
  %k4 = winnow.gather_nd %k3, %table : (tensor<4x4x2x2x3xf32>, tensor<4x2x2xi64>) -> tensor<4x2x2x2x3xf32>
  %k5 = winnow.transpose %k4 [2, 3, 0, 4, 1] : (tensor<4x2x2x2x3xf32>) -> tensor<2x2x4x3x2xf32>
  %q1 = winnow.reshape %qh : (tensor<2x2x4x3xf32>) -> tensor<2x2x4x1x3xf32>
  %s1 = winnow.matmul %q1, %k5 : (tensor<2x2x4x1x3xf32>, tensor<2x2x4x3x2xf32>) -> tensor<2x2x4x1x2xf32>
  %s2 = winnow.reshape %s1 : (tensor<2x2x4x1x2xf32>) -> tensor<2x2x4x2xf32>
  %max = winnow.reduce max %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %sum = winnow.reduce sum %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %share = winnow.div %sum, %four : (tensor<2x2x4xf32>, tensor<f32>) -> tensor<2x2x4xf32>
  %m = winnow.sub %max, %share : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x2x4xf32>
  %values, %top = winnow.topk %m {axis = 2 : i64, largest} : (tensor<2x2x4xf32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xi64>)
  %h1 = winnow.broadcast_to %heads : (tensor<1x2x2x1xi64>) -> tensor<2x2x2x1xi64>
  %t1 = winnow.reshape %top : (tensor<2x2x2xi64>) -> tensor<2x2x2x1xi64>
  %tuples = winnow.concat %batches, %h1, %t1 {axis = 3 : i64} : (tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>) -> tensor<2x2x2x3xi64>
  %r1 = winnow.gather_nd %qh, %tuples : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x3xf32>
  %r2 = winnow.transpose %r1 [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a = winnow.attention %r2, %k, %v mask(%mask) {scale = 0.5 : f32} : (tensor<2x2x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x2x2x4xf32>) -> tensor<2x2x2x3xf32>
  %a1 = winnow.transpose %a [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %mean = winnow.reduce mean %vh [2] {keepdims} : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x3xf32>
  %rest = winnow.broadcast_to %mean : (tensor<2x2x1x3xf32>) -> tensor<2x2x4x3xf32>
  %y = winnow.scatter_nd %rest, %tuples, %a1 : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>, tensor<2x2x2x3xf32>) -> tensor<2x2x4x3xf32>
  return %y : tensor<2x2x4x3xf32>
}
}

// -----

// The measure is of other queries.
// CHECK-LABEL: module
// CHECK-SAME: applied = false, code = "probsparse.measure"{{.*}}sentence = "other queries are measured than attend"
// CHECK: winnow.topk
module {
func.func @other_queries(%q: tensor<2x4x2x3xf32>, %k: tensor<2x4x2x3xf32>, %v: tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32> attributes {winnow.symbols = []} {
  %table = winnow.constant dense<[[[0, 1], [0, 3]], [[1, 0], [1, 2]], [[2, 2], [2, 3]], [[3, 1], [3, 0]]]> : tensor<4x2x2xi64>
  %batches = winnow.constant dense<[[[[0], [0]], [[0], [0]]], [[[1], [1]], [[1], [1]]]]> : tensor<2x2x2x1xi64>
  %heads = winnow.constant dense<[[[[0], [0]], [[1], [1]]]]> : tensor<1x2x2x1xi64>
  %four = winnow.constant dense<4.0> : tensor<f32>
  %qh = winnow.transpose %q [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %kh = winnow.transpose %k [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %vh = winnow.transpose %v [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %k1 = winnow.reshape %kh : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x4x3xf32>
  %k2 = winnow.broadcast_to %k1 : (tensor<2x2x1x4x3xf32>) -> tensor<2x2x4x4x3xf32>
  %k3 = winnow.transpose %k2 [2, 3, 0, 1, 4] : (tensor<2x2x4x4x3xf32>) -> tensor<4x4x2x2x3xf32>
  %k4 = winnow.gather_nd %k3, %table : (tensor<4x4x2x2x3xf32>, tensor<4x2x2xi64>) -> tensor<4x2x2x2x3xf32>
  %k5 = winnow.transpose %k4 [2, 3, 0, 4, 1] : (tensor<4x2x2x2x3xf32>) -> tensor<2x2x4x3x2xf32>
  %q1 = winnow.reshape %vh : (tensor<2x2x4x3xf32>) -> tensor<2x2x4x1x3xf32>
  %s1 = winnow.matmul %q1, %k5 : (tensor<2x2x4x1x3xf32>, tensor<2x2x4x3x2xf32>) -> tensor<2x2x4x1x2xf32>
  %s2 = winnow.reshape %s1 : (tensor<2x2x4x1x2xf32>) -> tensor<2x2x4x2xf32>
  %max = winnow.reduce max %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %sum = winnow.reduce sum %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %share = winnow.div %sum, %four : (tensor<2x2x4xf32>, tensor<f32>) -> tensor<2x2x4xf32>
  %m = winnow.sub %max, %share : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x2x4xf32>
  %values, %top = winnow.topk %m {axis = 2 : i64, largest} : (tensor<2x2x4xf32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xi64>)
  %h1 = winnow.broadcast_to %heads : (tensor<1x2x2x1xi64>) -> tensor<2x2x2x1xi64>
  %t1 = winnow.reshape %top : (tensor<2x2x2xi64>) -> tensor<2x2x2x1xi64>
  %tuples = winnow.concat %batches, %h1, %t1 {axis = 3 : i64} : (tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>) -> tensor<2x2x2x3xi64>
  %r1 = winnow.gather_nd %qh, %tuples : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x3xf32>
  %r2 = winnow.transpose %r1 [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a = winnow.attention %r2, %k, %v {scale = 0.5 : f32} : (tensor<2x2x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a1 = winnow.transpose %a [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %mean = winnow.reduce mean %vh [2] {keepdims} : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x3xf32>
  %rest = winnow.broadcast_to %mean : (tensor<2x2x1x3xf32>) -> tensor<2x2x4x3xf32>
  %y = winnow.scatter_nd %rest, %tuples, %a1 : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>, tensor<2x2x2x3xf32>) -> tensor<2x2x4x3xf32>
  return %y : tensor<2x2x4x3xf32>
}
}

// -----

// The sampled keys are not those of the attention.
// CHECK-LABEL: module
// CHECK-SAME: applied = false, code = "probsparse.samples"{{.*}}sentence = "the sampled keys are not those that are attended to"
// CHECK: winnow.topk
module {
func.func @other_keys(%q: tensor<2x4x2x3xf32>, %k: tensor<2x4x2x3xf32>, %v: tensor<2x4x2x3xf32>, %other: tensor<2x2x4x3x2xf32>) -> tensor<2x2x4x3xf32> attributes {winnow.symbols = []} {
  %table = winnow.constant dense<[[[0, 1], [0, 3]], [[1, 0], [1, 2]], [[2, 2], [2, 3]], [[3, 1], [3, 0]]]> : tensor<4x2x2xi64>
  %batches = winnow.constant dense<[[[[0], [0]], [[0], [0]]], [[[1], [1]], [[1], [1]]]]> : tensor<2x2x2x1xi64>
  %heads = winnow.constant dense<[[[[0], [0]], [[1], [1]]]]> : tensor<1x2x2x1xi64>
  %four = winnow.constant dense<4.0> : tensor<f32>
  %qh = winnow.transpose %q [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %kh = winnow.transpose %k [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %vh = winnow.transpose %v [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %k1 = winnow.reshape %kh : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x4x3xf32>
  %k2 = winnow.broadcast_to %k1 : (tensor<2x2x1x4x3xf32>) -> tensor<2x2x4x4x3xf32>
  %k3 = winnow.transpose %k2 [2, 3, 0, 1, 4] : (tensor<2x2x4x4x3xf32>) -> tensor<4x4x2x2x3xf32>
  %k4 = winnow.gather_nd %k3, %table : (tensor<4x4x2x2x3xf32>, tensor<4x2x2xi64>) -> tensor<4x2x2x2x3xf32>
  %k5 = winnow.transpose %k4 [2, 3, 0, 4, 1] : (tensor<4x2x2x2x3xf32>) -> tensor<2x2x4x3x2xf32>
  %q1 = winnow.reshape %qh : (tensor<2x2x4x3xf32>) -> tensor<2x2x4x1x3xf32>
  %s1 = winnow.matmul %q1, %other : (tensor<2x2x4x1x3xf32>, tensor<2x2x4x3x2xf32>) -> tensor<2x2x4x1x2xf32>
  %s2 = winnow.reshape %s1 : (tensor<2x2x4x1x2xf32>) -> tensor<2x2x4x2xf32>
  %max = winnow.reduce max %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %sum = winnow.reduce sum %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %share = winnow.div %sum, %four : (tensor<2x2x4xf32>, tensor<f32>) -> tensor<2x2x4xf32>
  %m = winnow.sub %max, %share : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x2x4xf32>
  %values, %top = winnow.topk %m {axis = 2 : i64, largest} : (tensor<2x2x4xf32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xi64>)
  %h1 = winnow.broadcast_to %heads : (tensor<1x2x2x1xi64>) -> tensor<2x2x2x1xi64>
  %t1 = winnow.reshape %top : (tensor<2x2x2xi64>) -> tensor<2x2x2x1xi64>
  %tuples = winnow.concat %batches, %h1, %t1 {axis = 3 : i64} : (tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>) -> tensor<2x2x2x3xi64>
  %r1 = winnow.gather_nd %qh, %tuples : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x3xf32>
  %r2 = winnow.transpose %r1 [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a = winnow.attention %r2, %k, %v {scale = 0.5 : f32} : (tensor<2x2x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a1 = winnow.transpose %a [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %mean = winnow.reduce mean %vh [2] {keepdims} : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x3xf32>
  %rest = winnow.broadcast_to %mean : (tensor<2x2x1x3xf32>) -> tensor<2x2x4x3xf32>
  %y = winnow.scatter_nd %rest, %tuples, %a1 : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>, tensor<2x2x2x3xf32>) -> tensor<2x2x4x3xf32>
  return %y : tensor<2x2x4x3xf32>
}
}

// -----

// The sum is divided by a number of the run.
// CHECK-LABEL: module
// CHECK-SAME: applied = false, code = "probsparse.measure"{{.*}}sentence = "the sum is divided by a number that is not known"
// CHECK: winnow.topk
module {
func.func @divisor(%q: tensor<2x4x2x3xf32>, %k: tensor<2x4x2x3xf32>, %v: tensor<2x4x2x3xf32>, %count: tensor<f32>) -> tensor<2x2x4x3xf32> attributes {winnow.symbols = []} {
  %table = winnow.constant dense<[[[0, 1], [0, 3]], [[1, 0], [1, 2]], [[2, 2], [2, 3]], [[3, 1], [3, 0]]]> : tensor<4x2x2xi64>
  %batches = winnow.constant dense<[[[[0], [0]], [[0], [0]]], [[[1], [1]], [[1], [1]]]]> : tensor<2x2x2x1xi64>
  %heads = winnow.constant dense<[[[[0], [0]], [[1], [1]]]]> : tensor<1x2x2x1xi64>
  %four = winnow.constant dense<4.0> : tensor<f32>
  %qh = winnow.transpose %q [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %kh = winnow.transpose %k [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %vh = winnow.transpose %v [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %k1 = winnow.reshape %kh : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x4x3xf32>
  %k2 = winnow.broadcast_to %k1 : (tensor<2x2x1x4x3xf32>) -> tensor<2x2x4x4x3xf32>
  %k3 = winnow.transpose %k2 [2, 3, 0, 1, 4] : (tensor<2x2x4x4x3xf32>) -> tensor<4x4x2x2x3xf32>
  %k4 = winnow.gather_nd %k3, %table : (tensor<4x4x2x2x3xf32>, tensor<4x2x2xi64>) -> tensor<4x2x2x2x3xf32>
  %k5 = winnow.transpose %k4 [2, 3, 0, 4, 1] : (tensor<4x2x2x2x3xf32>) -> tensor<2x2x4x3x2xf32>
  %q1 = winnow.reshape %qh : (tensor<2x2x4x3xf32>) -> tensor<2x2x4x1x3xf32>
  %s1 = winnow.matmul %q1, %k5 : (tensor<2x2x4x1x3xf32>, tensor<2x2x4x3x2xf32>) -> tensor<2x2x4x1x2xf32>
  %s2 = winnow.reshape %s1 : (tensor<2x2x4x1x2xf32>) -> tensor<2x2x4x2xf32>
  %max = winnow.reduce max %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %sum = winnow.reduce sum %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %share = winnow.div %sum, %count : (tensor<2x2x4xf32>, tensor<f32>) -> tensor<2x2x4xf32>
  %m = winnow.sub %max, %share : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x2x4xf32>
  %values, %top = winnow.topk %m {axis = 2 : i64, largest} : (tensor<2x2x4xf32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xi64>)
  %h1 = winnow.broadcast_to %heads : (tensor<1x2x2x1xi64>) -> tensor<2x2x2x1xi64>
  %t1 = winnow.reshape %top : (tensor<2x2x2xi64>) -> tensor<2x2x2x1xi64>
  %tuples = winnow.concat %batches, %h1, %t1 {axis = 3 : i64} : (tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>) -> tensor<2x2x2x3xi64>
  %r1 = winnow.gather_nd %qh, %tuples : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x3xf32>
  %r2 = winnow.transpose %r1 [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a = winnow.attention %r2, %k, %v {scale = 0.5 : f32} : (tensor<2x2x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a1 = winnow.transpose %a [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %mean = winnow.reduce mean %vh [2] {keepdims} : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x3xf32>
  %rest = winnow.broadcast_to %mean : (tensor<2x2x1x3xf32>) -> tensor<2x2x4x3xf32>
  %y = winnow.scatter_nd %rest, %tuples, %a1 : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>, tensor<2x2x2x3xf32>) -> tensor<2x2x4x3xf32>
  return %y : tensor<2x2x4x3xf32>
}
}

// -----

// The other rows are zeros.
// CHECK-LABEL: module
// CHECK-SAME: applied = false, code = "probsparse.rest"{{.*}}sentence = "the other rows are neither means nor running sums of the values"
// CHECK: winnow.topk
module {
func.func @zeros(%q: tensor<2x4x2x3xf32>, %k: tensor<2x4x2x3xf32>, %v: tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32> attributes {winnow.symbols = []} {
  %table = winnow.constant dense<[[[0, 1], [0, 3]], [[1, 0], [1, 2]], [[2, 2], [2, 3]], [[3, 1], [3, 0]]]> : tensor<4x2x2xi64>
  %batches = winnow.constant dense<[[[[0], [0]], [[0], [0]]], [[[1], [1]], [[1], [1]]]]> : tensor<2x2x2x1xi64>
  %heads = winnow.constant dense<[[[[0], [0]], [[1], [1]]]]> : tensor<1x2x2x1xi64>
  %four = winnow.constant dense<4.0> : tensor<f32>
  %qh = winnow.transpose %q [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %kh = winnow.transpose %k [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %vh = winnow.transpose %v [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %k1 = winnow.reshape %kh : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x4x3xf32>
  %k2 = winnow.broadcast_to %k1 : (tensor<2x2x1x4x3xf32>) -> tensor<2x2x4x4x3xf32>
  %k3 = winnow.transpose %k2 [2, 3, 0, 1, 4] : (tensor<2x2x4x4x3xf32>) -> tensor<4x4x2x2x3xf32>
  %k4 = winnow.gather_nd %k3, %table : (tensor<4x4x2x2x3xf32>, tensor<4x2x2xi64>) -> tensor<4x2x2x2x3xf32>
  %k5 = winnow.transpose %k4 [2, 3, 0, 4, 1] : (tensor<4x2x2x2x3xf32>) -> tensor<2x2x4x3x2xf32>
  %q1 = winnow.reshape %qh : (tensor<2x2x4x3xf32>) -> tensor<2x2x4x1x3xf32>
  %s1 = winnow.matmul %q1, %k5 : (tensor<2x2x4x1x3xf32>, tensor<2x2x4x3x2xf32>) -> tensor<2x2x4x1x2xf32>
  %s2 = winnow.reshape %s1 : (tensor<2x2x4x1x2xf32>) -> tensor<2x2x4x2xf32>
  %max = winnow.reduce max %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %sum = winnow.reduce sum %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %share = winnow.div %sum, %four : (tensor<2x2x4xf32>, tensor<f32>) -> tensor<2x2x4xf32>
  %m = winnow.sub %max, %share : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x2x4xf32>
  %values, %top = winnow.topk %m {axis = 2 : i64, largest} : (tensor<2x2x4xf32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xi64>)
  %h1 = winnow.broadcast_to %heads : (tensor<1x2x2x1xi64>) -> tensor<2x2x2x1xi64>
  %t1 = winnow.reshape %top : (tensor<2x2x2xi64>) -> tensor<2x2x2x1xi64>
  %tuples = winnow.concat %batches, %h1, %t1 {axis = 3 : i64} : (tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>) -> tensor<2x2x2x3xi64>
  %r1 = winnow.gather_nd %qh, %tuples : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x3xf32>
  %r2 = winnow.transpose %r1 [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a = winnow.attention %r2, %k, %v {scale = 0.5 : f32} : (tensor<2x2x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a1 = winnow.transpose %a [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %rest = winnow.constant dense<0.0> : tensor<2x2x4x3xf32>
  %y = winnow.scatter_nd %rest, %tuples, %a1 : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>, tensor<2x2x2x3xf32>) -> tensor<2x2x4x3xf32>
  return %y : tensor<2x2x4x3xf32>
}
}

// -----

// Means of what is no value.
// CHECK-LABEL: module
// CHECK-SAME: applied = false, code = "probsparse.rest"{{.*}}sentence = "the other rows are neither means nor running sums of the values"
// CHECK: winnow.topk
module {
func.func @means_of_queries(%q: tensor<2x4x2x3xf32>, %k: tensor<2x4x2x3xf32>, %v: tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32> attributes {winnow.symbols = []} {
  %table = winnow.constant dense<[[[0, 1], [0, 3]], [[1, 0], [1, 2]], [[2, 2], [2, 3]], [[3, 1], [3, 0]]]> : tensor<4x2x2xi64>
  %batches = winnow.constant dense<[[[[0], [0]], [[0], [0]]], [[[1], [1]], [[1], [1]]]]> : tensor<2x2x2x1xi64>
  %heads = winnow.constant dense<[[[[0], [0]], [[1], [1]]]]> : tensor<1x2x2x1xi64>
  %four = winnow.constant dense<4.0> : tensor<f32>
  %qh = winnow.transpose %q [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %kh = winnow.transpose %k [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %vh = winnow.transpose %v [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %k1 = winnow.reshape %kh : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x4x3xf32>
  %k2 = winnow.broadcast_to %k1 : (tensor<2x2x1x4x3xf32>) -> tensor<2x2x4x4x3xf32>
  %k3 = winnow.transpose %k2 [2, 3, 0, 1, 4] : (tensor<2x2x4x4x3xf32>) -> tensor<4x4x2x2x3xf32>
  %k4 = winnow.gather_nd %k3, %table : (tensor<4x4x2x2x3xf32>, tensor<4x2x2xi64>) -> tensor<4x2x2x2x3xf32>
  %k5 = winnow.transpose %k4 [2, 3, 0, 4, 1] : (tensor<4x2x2x2x3xf32>) -> tensor<2x2x4x3x2xf32>
  %q1 = winnow.reshape %qh : (tensor<2x2x4x3xf32>) -> tensor<2x2x4x1x3xf32>
  %s1 = winnow.matmul %q1, %k5 : (tensor<2x2x4x1x3xf32>, tensor<2x2x4x3x2xf32>) -> tensor<2x2x4x1x2xf32>
  %s2 = winnow.reshape %s1 : (tensor<2x2x4x1x2xf32>) -> tensor<2x2x4x2xf32>
  %max = winnow.reduce max %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %sum = winnow.reduce sum %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %share = winnow.div %sum, %four : (tensor<2x2x4xf32>, tensor<f32>) -> tensor<2x2x4xf32>
  %m = winnow.sub %max, %share : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x2x4xf32>
  %values, %top = winnow.topk %m {axis = 2 : i64, largest} : (tensor<2x2x4xf32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xi64>)
  %h1 = winnow.broadcast_to %heads : (tensor<1x2x2x1xi64>) -> tensor<2x2x2x1xi64>
  %t1 = winnow.reshape %top : (tensor<2x2x2xi64>) -> tensor<2x2x2x1xi64>
  %tuples = winnow.concat %batches, %h1, %t1 {axis = 3 : i64} : (tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>) -> tensor<2x2x2x3xi64>
  %r1 = winnow.gather_nd %qh, %tuples : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x3xf32>
  %r2 = winnow.transpose %r1 [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a = winnow.attention %r2, %k, %v {scale = 0.5 : f32} : (tensor<2x2x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a1 = winnow.transpose %a [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %mean = winnow.reduce mean %qh [2] {keepdims} : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x3xf32>
  %rest = winnow.broadcast_to %mean : (tensor<2x2x1x3xf32>) -> tensor<2x2x4x3xf32>
  %y = winnow.scatter_nd %rest, %tuples, %a1 : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>, tensor<2x2x2x3xf32>) -> tensor<2x2x4x3xf32>
  return %y : tensor<2x2x4x3xf32>
}
}

// -----

// Rows are written in the order of the topk, not where they were.
// CHECK-LABEL: module
// CHECK-SAME: applied = false, code = "probsparse.rows"{{.*}}sentence = "the kept rows are not written to where they were chosen"
// CHECK: winnow.topk
module {
func.func @other_rows(%q: tensor<2x4x2x3xf32>, %k: tensor<2x4x2x3xf32>, %v: tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32> attributes {winnow.symbols = []} {
  %table = winnow.constant dense<[[[0, 1], [0, 3]], [[1, 0], [1, 2]], [[2, 2], [2, 3]], [[3, 1], [3, 0]]]> : tensor<4x2x2xi64>
  %batches = winnow.constant dense<[[[[0], [0]], [[0], [0]]], [[[1], [1]], [[1], [1]]]]> : tensor<2x2x2x1xi64>
  %heads = winnow.constant dense<[[[[0], [0]], [[1], [1]]]]> : tensor<1x2x2x1xi64>
  %four = winnow.constant dense<4.0> : tensor<f32>
  %qh = winnow.transpose %q [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %kh = winnow.transpose %k [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %vh = winnow.transpose %v [0, 2, 1, 3] : (tensor<2x4x2x3xf32>) -> tensor<2x2x4x3xf32>
  %k1 = winnow.reshape %kh : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x4x3xf32>
  %k2 = winnow.broadcast_to %k1 : (tensor<2x2x1x4x3xf32>) -> tensor<2x2x4x4x3xf32>
  %k3 = winnow.transpose %k2 [2, 3, 0, 1, 4] : (tensor<2x2x4x4x3xf32>) -> tensor<4x4x2x2x3xf32>
  %k4 = winnow.gather_nd %k3, %table : (tensor<4x4x2x2x3xf32>, tensor<4x2x2xi64>) -> tensor<4x2x2x2x3xf32>
  %k5 = winnow.transpose %k4 [2, 3, 0, 4, 1] : (tensor<4x2x2x2x3xf32>) -> tensor<2x2x4x3x2xf32>
  %q1 = winnow.reshape %qh : (tensor<2x2x4x3xf32>) -> tensor<2x2x4x1x3xf32>
  %s1 = winnow.matmul %q1, %k5 : (tensor<2x2x4x1x3xf32>, tensor<2x2x4x3x2xf32>) -> tensor<2x2x4x1x2xf32>
  %s2 = winnow.reshape %s1 : (tensor<2x2x4x1x2xf32>) -> tensor<2x2x4x2xf32>
  %max = winnow.reduce max %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %sum = winnow.reduce sum %s2 [3] : (tensor<2x2x4x2xf32>) -> tensor<2x2x4xf32>
  %share = winnow.div %sum, %four : (tensor<2x2x4xf32>, tensor<f32>) -> tensor<2x2x4xf32>
  %m = winnow.sub %max, %share : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x2x4xf32>
  %values, %top = winnow.topk %m {axis = 2 : i64, largest} : (tensor<2x2x4xf32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xi64>)
  %h1 = winnow.broadcast_to %heads : (tensor<1x2x2x1xi64>) -> tensor<2x2x2x1xi64>
  %t1 = winnow.reshape %top : (tensor<2x2x2xi64>) -> tensor<2x2x2x1xi64>
  %tuples = winnow.concat %batches, %h1, %t1 {axis = 3 : i64} : (tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>) -> tensor<2x2x2x3xi64>
  %r1 = winnow.gather_nd %qh, %tuples : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>) -> tensor<2x2x2x3xf32>
  %r2 = winnow.transpose %r1 [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a = winnow.attention %r2, %k, %v {scale = 0.5 : f32} : (tensor<2x2x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>) -> tensor<2x2x2x3xf32>
  %a1 = winnow.transpose %a [0, 2, 1, 3] : (tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %mean = winnow.reduce mean %vh [2] {keepdims} : (tensor<2x2x4x3xf32>) -> tensor<2x2x1x3xf32>
  %rest = winnow.broadcast_to %mean : (tensor<2x2x1x3xf32>) -> tensor<2x2x4x3xf32>
  %rank = winnow.constant dense<[[[[0], [1]]]]> : tensor<1x1x2x1xi64>
  %ranks = winnow.broadcast_to %rank : (tensor<1x1x2x1xi64>) -> tensor<2x2x2x1xi64>
  %first = winnow.concat %batches, %h1, %ranks {axis = 3 : i64} : (tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>, tensor<2x2x2x1xi64>) -> tensor<2x2x2x3xi64>
  %y = winnow.scatter_nd %rest, %first, %a1 : (tensor<2x2x4x3xf32>, tensor<2x2x2x3xi64>, tensor<2x2x2x3xf32>) -> tensor<2x2x4x3xf32>
  return %y : tensor<2x2x4x3xf32>
}
}

// -----

// A topk of anything else is no near miss.
// CHECK-LABEL: module
// CHECK-NOT: winnow.report
// CHECK: winnow.topk
module {
func.func @other_topk(%x: tensor<2x4x3xf32>) -> tensor<2x2xi64> attributes {winnow.symbols = []} {
  %max = winnow.reduce max %x [2] : (tensor<2x4x3xf32>) -> tensor<2x4xf32>
  %sum = winnow.reduce sum %x [2] : (tensor<2x4x3xf32>) -> tensor<2x4xf32>
  %m = winnow.sub %max, %sum : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %values, %top = winnow.topk %m {axis = 1 : i64, largest} : (tensor<2x4xf32>) -> (tensor<2x2xf32>, tensor<2x2xi64>)
  return %top : tensor<2x2xi64>
}
}

// -----

// Rows that are chosen so, but for no attention.
// CHECK-LABEL: module
// CHECK-SAME: applied = false, code = "probsparse.attention"
module {
func.func @no_attention(%x: tensor<2x4x3xf32>) -> tensor<2x2xi64> attributes {winnow.symbols = []} {
  %c = winnow.constant dense<3.0> : tensor<f32>
  %max = winnow.reduce max %x [2] : (tensor<2x4x3xf32>) -> tensor<2x4xf32>
  %sum = winnow.reduce sum %x [2] : (tensor<2x4x3xf32>) -> tensor<2x4xf32>
  %share = winnow.div %sum, %c : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
  %m = winnow.sub %max, %share : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %values, %top = winnow.topk %m {axis = 1 : i64, largest} : (tensor<2x4xf32>) -> (tensor<2x2xf32>, tensor<2x2xi64>)
  return %top : tensor<2x2xi64>
}
}
