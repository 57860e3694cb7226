// RUN: winnow-opt %s --split-input-file --winnow-merge-qkv | FileCheck %s

// CHECK: applied = true, code = "merge-qkv.merged"
// CHECK-SAME: sentence = "merged 3 linears of one input to one of width 192"
// CHECK-LABEL: func @query_key_value
// CHECK-DAG: %[[W:.*]] = winnow.concat %{{.*}}, %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x192xf32>
// CHECK-DAG: %[[B:.*]] = winnow.concat %{{.*}}, %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<192xf32>
// CHECK: %[[L:.*]] = winnow.linear %{{.*}}, %[[W]] bias(%[[B]]) : {{.*}} -> tensor<2x5x192xf32>
// CHECK-DAG: %[[Q:.*]] = winnow.slice %[[L]] at #[[Q0:.*]] step [1, 1, 1]
// CHECK-DAG: %[[K:.*]] = winnow.slice %[[L]] at #[[K0:.*]] step [1, 1, 1]
// CHECK-DAG: %[[V:.*]] = winnow.slice %[[L]] at #[[V0:.*]] step [1, 1, 1]
// CHECK-DAG: winnow.reshape %[[Q]]
// CHECK-DAG: winnow.reshape %[[K]]
// CHECK-DAG: winnow.reshape %[[V]]
// CHECK: winnow.attention
func.func @query_key_value(%x: tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32> {
  %wq = winnow.constant dense<1.0> : tensor<64x64xf32>
  %wk = winnow.constant dense<2.0> : tensor<64x64xf32>
  %wv = winnow.constant dense<3.0> : tensor<64x64xf32>
  %bq = winnow.constant dense<4.0> : tensor<64xf32>
  %bk = winnow.constant dense<5.0> : tensor<64xf32>
  %bv = winnow.constant dense<6.0> : tensor<64xf32>
  %q = winnow.linear %x, %wq bias(%bq) : (tensor<2x5x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<2x5x64xf32>
  %k = winnow.linear %x, %wk bias(%bk) : (tensor<2x5x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<2x5x64xf32>
  %v = winnow.linear %x, %wv bias(%bv) : (tensor<2x5x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<2x5x64xf32>
  %q4 = winnow.reshape %q : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %k4 = winnow.reshape %k : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %v4 = winnow.reshape %v : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %a = winnow.attention %q4, %k4, %v4 {scale = 0.25 : f32} : (tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>) -> tensor<2x5x4x16xf32>
  return %a : tensor<2x5x4x16xf32>
}

// -----

// Rows of transposed weights are joined; a missing bias is zeros.
// CHECK-LABEL: func @transposed_without_key_bias
// CHECK-DAG: winnow.concat %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<128x64xf32>
// CHECK-DAG: %[[Z:.*]] = winnow.constant dense<0.000000e+00> : tensor<64xf32>
// CHECK-DAG: winnow.concat %{{.*}}, %[[Z]] {axis = 0 : i64} : (tensor<64xf32>, tensor<64xf32>) -> tensor<128xf32>
// CHECK: winnow.linear {{.*}} {transpose_weight} : {{.*}} -> tensor<2x5x128xf32>
// CHECK-NOT: winnow.linear
func.func @transposed_without_key_bias(%x: tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32> {
  %wq = winnow.constant dense<1.0> : tensor<64x64xf32>
  %wk = winnow.constant dense<2.0> : tensor<64x64xf32>
  %bq = winnow.constant dense<4.0> : tensor<64xf32>
  %q = winnow.linear %x, %wq bias(%bq) {transpose_weight} : (tensor<2x5x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<2x5x64xf32>
  %k = winnow.linear %x, %wk {transpose_weight} : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %q4 = winnow.reshape %q : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %k4 = winnow.reshape %k : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %v4 = winnow.reshape %x : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %a = winnow.attention %q4, %k4, %v4 {scale = 0.25 : f32} : (tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>) -> tensor<2x5x4x16xf32>
  return %a : tensor<2x5x4x16xf32>
}

// -----

// Cross attention has one linear of each input here: nothing to merge.
// CHECK-NOT: winnow.report
// CHECK-LABEL: func @two_inputs
// CHECK-COUNT-2: winnow.linear
// CHECK-NOT: winnow.concat
func.func @two_inputs(%x: tensor<2x5x64xf32>, %y: tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32> {
  %wq = winnow.constant dense<1.0> : tensor<64x64xf32>
  %wk = winnow.constant dense<2.0> : tensor<64x64xf32>
  %q = winnow.linear %x, %wq : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %k = winnow.linear %y, %wk : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %q4 = winnow.reshape %q : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %k4 = winnow.reshape %k : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %v4 = winnow.reshape %x : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %a = winnow.attention %q4, %k4, %v4 {scale = 0.25 : f32} : (tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>) -> tensor<2x5x4x16xf32>
  return %a : tensor<2x5x4x16xf32>
}

// -----

// Without an attention that reads both, slices would only cost.
// CHECK-NOT: winnow.report
// CHECK-LABEL: func @no_attention
// CHECK-COUNT-2: winnow.linear
// CHECK-NOT: winnow.concat
func.func @no_attention(%x: tensor<2x5x64xf32>) -> (tensor<2x5x64xf32>, tensor<2x5x64xf32>) {
  %wq = winnow.constant dense<1.0> : tensor<64x64xf32>
  %wk = winnow.constant dense<2.0> : tensor<64x64xf32>
  %q = winnow.linear %x, %wq : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %k = winnow.linear %x, %wk : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  return %q, %k : tensor<2x5x64xf32>, tensor<2x5x64xf32>
}

// -----

// CHECK: applied = false, code = "merge-qkv.residual"
// CHECK-LABEL: func @with_residual
// CHECK-COUNT-3: winnow.linear
// CHECK-NOT: winnow.concat
func.func @with_residual(%x: tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32> {
  %wq = winnow.constant dense<1.0> : tensor<64x64xf32>
  %wk = winnow.constant dense<2.0> : tensor<64x64xf32>
  %wv = winnow.constant dense<3.0> : tensor<64x64xf32>
  %q = winnow.linear %x, %wq residual(%x) : (tensor<2x5x64xf32>, tensor<64x64xf32>, tensor<2x5x64xf32>) -> tensor<2x5x64xf32>
  %k = winnow.linear %x, %wk : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %v = winnow.linear %x, %wv : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %q4 = winnow.reshape %q : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %k4 = winnow.reshape %k : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %v4 = winnow.reshape %v : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %a = winnow.attention %q4, %k4, %v4 {scale = 0.25 : f32} : (tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>) -> tensor<2x5x4x16xf32>
  return %a : tensor<2x5x4x16xf32>
}

// -----

// CHECK: applied = false, code = "merge-qkv.attributes"
// CHECK-LABEL: func @with_activation
// CHECK-COUNT-3: winnow.linear
// CHECK-NOT: winnow.concat
func.func @with_activation(%x: tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32> {
  %wq = winnow.constant dense<1.0> : tensor<64x64xf32>
  %wk = winnow.constant dense<2.0> : tensor<64x64xf32>
  %wv = winnow.constant dense<3.0> : tensor<64x64xf32>
  %q = winnow.linear %x, %wq : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %k = winnow.linear %x, %wk {activation = #winnow<activation relu>} : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %v = winnow.linear %x, %wv : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %q4 = winnow.reshape %q : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %k4 = winnow.reshape %k : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %v4 = winnow.reshape %v : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %a = winnow.attention %q4, %k4, %v4 {scale = 0.25 : f32} : (tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>) -> tensor<2x5x4x16xf32>
  return %a : tensor<2x5x4x16xf32>
}

// -----

// CHECK: applied = false, code = "merge-qkv.weight"
// CHECK-LABEL: func @weight_is_an_argument
// CHECK-COUNT-3: winnow.linear
// CHECK-NOT: winnow.concat
func.func @weight_is_an_argument(%x: tensor<2x5x64xf32>, %wk: tensor<64x64xf32>) -> tensor<2x5x4x16xf32> {
  %wq = winnow.constant dense<1.0> : tensor<64x64xf32>
  %wv = winnow.constant dense<3.0> : tensor<64x64xf32>
  %q = winnow.linear %x, %wq : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %k = winnow.linear %x, %wk : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %v = winnow.linear %x, %wv : (tensor<2x5x64xf32>, tensor<64x64xf32>) -> tensor<2x5x64xf32>
  %q4 = winnow.reshape %q : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %k4 = winnow.reshape %k : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %v4 = winnow.reshape %v : (tensor<2x5x64xf32>) -> tensor<2x5x4x16xf32>
  %a = winnow.attention %q4, %k4, %v4 {scale = 0.25 : f32} : (tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>) -> tensor<2x5x4x16xf32>
  return %a : tensor<2x5x4x16xf32>
}
