// RUN: winnow-opt %s --split-input-file --winnow-to-linalg=cpu=x86-64-v3 | FileCheck %s

// An embedding whose table is the weight of the output layer too is stored once.

// CHECK: winnow.weights = [{bytes = 6144 : i64, layout = {k = 24 : i64, kind = "panels", n = 50 : i64, nr = 16 : i64, transposed = true}, offset = 0 : i64, parts = [{{[^]]*}}]}]
// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "gather" ins(%{{.*}}, %{{.*}} : tensor<4x24x16xf32>, tensor<3xi64>) outs(%{{.*}} : tensor<1x3x24xf32>) {n = 50 : i64}
// CHECK: winnow.kernel "linear"
func.func @main(%i: tensor<3xi64>) -> tensor<3x50xf32> attributes {winnow.entry} {
  %t = winnow.constant dense<1.0> : tensor<50x24xf32>
  %x = winnow.gather %t, %i {axis = 0 : i64} : (tensor<50x24xf32>, tensor<3xi64>) -> tensor<3x24xf32>
  %y = winnow.linear %x, %t {transpose_weight} : (tensor<3x24xf32>, tensor<50x24xf32>) -> tensor<3x50xf32>
  return %y : tensor<3x50xf32>
}

// -----

// Nothing is gained where the table is read in another way as well.

// CHECK: kind = "dense"
// CHECK: kind = "panels"
// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "gather" ins(%{{.*}} : tensor<1x50x24xf32>, tensor<3xi64>)
func.func @main(%i: tensor<3xi64>) -> (tensor<3x50xf32>, tensor<50x24xf32>) attributes {winnow.entry} {
  %t = winnow.constant dense<1.0> : tensor<50x24xf32>
  %x = winnow.gather %t, %i {axis = 0 : i64} : (tensor<50x24xf32>, tensor<3xi64>) -> tensor<3x24xf32>
  %y = winnow.linear %x, %t {transpose_weight} : (tensor<3x24xf32>, tensor<50x24xf32>) -> tensor<3x50xf32>
  %z = winnow.exp %t : (tensor<50x24xf32>) -> tensor<50x24xf32>
  return %y, %z : tensor<3x50xf32>, tensor<50x24xf32>
}

// -----

// Or where rows are columns of the weight.

// CHECK: kind = "dense"
// CHECK: kind = "panels"
// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "gather" ins(%{{.*}} : tensor<1x24x24xf32>, tensor<3xi64>)
func.func @main(%i: tensor<3xi64>) -> tensor<3x24xf32> attributes {winnow.entry} {
  %t = winnow.constant dense<1.0> : tensor<24x24xf32>
  %x = winnow.gather %t, %i {axis = 0 : i64} : (tensor<24x24xf32>, tensor<3xi64>) -> tensor<3x24xf32>
  %y = winnow.linear %x, %t : (tensor<3x24xf32>, tensor<24x24xf32>) -> tensor<3x24xf32>
  return %y : tensor<3x24xf32>
}
