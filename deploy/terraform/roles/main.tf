# Who may do what: one role for each kind of process, with the policies of `policies/` and nothing
# else. The README has them as a table; a test holds the two against each other.

resource "aws_iam_role" "role" {
  for_each = local.roles

  name               = "${var.name}-${each.key}"
  description        = each.value.description
  assume_role_policy = templatefile("${path.module}/trust.json", { service = each.value.service })
}

resource "aws_iam_role_policy" "policy" {
  for_each = merge([
    for role, policies in local.policies : {
      for policy, values in policies :
      "${role}/${policy}" => { role = role, policy = policy, values = values }
    }
  ]...)

  name   = each.value.policy
  role   = aws_iam_role.role[each.value.role].id
  policy = templatefile("${path.module}/policies/${each.value.policy}.json", merge(local.resources, each.value.values))
}

resource "aws_iam_instance_profile" "bare_metal" {
  count = var.bare_metal ? 1 : 0

  name = "${var.name}-bare-metal"
  role = aws_iam_role.role["bare-metal"].name
}

# For the people who submit work and look after dead letters; attach it to whom you like.
resource "aws_iam_policy" "operator" {
  name        = "${var.name}-operator"
  description = "Submits work to ${var.name}, fetches results, and sends dead letters again."
  policy      = templatefile("${path.module}/policies/operator.json", local.resources)
}
