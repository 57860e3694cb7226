// RUN: echo '{"format": "winnow.calibration", "sites": [{"name": "a", "relevance": {"in": 0.9}, "pin": null}, {"name": "b", "relevance": {"in": 0.1}}, {"name": "c", "pin": 16}]}' > %t.json
// RUN: winnow-opt %s '--winnow-assign-precision=calibration=%t.json by=relevance budget=9.5 widths=4,8' | FileCheck %s

// CHECK: winnow.precision = [{bits = 8 : i64, bytes = 320 : i64, cost = {{.*}}, name = "a", pinned = false, relevance = 9.000000e-01 : f64, weights = 256 : i64}
// CHECK-SAME: code = "assign-precision.not-calibrated", location = "d"
// CHECK-LABEL: func @layers
// CHECK: winnow.linear {{.*}}winnow.bits = 8 : i64
// CHECK: winnow.linear {{.*}}winnow.bits = 4 : i64
// CHECK-NOT: winnow.bits
func.func @layers(%x: tensor<4x16xf32>) -> tensor<4x16xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<16x16xf32>
  %a = winnow.linear %x, %w : (tensor<4x16xf32>, tensor<16x16xf32>) -> tensor<4x16xf32> loc("a")
  %b = winnow.linear %a, %w : (tensor<4x16xf32>, tensor<16x16xf32>) -> tensor<4x16xf32> loc("b")
  %c = winnow.linear %b, %w : (tensor<4x16xf32>, tensor<16x16xf32>) -> tensor<4x16xf32> loc("c")
  %d = winnow.linear %c, %w : (tensor<4x16xf32>, tensor<16x16xf32>) -> tensor<4x16xf32> loc("d")
  return %d : tensor<4x16xf32>
}
