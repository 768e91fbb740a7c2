# Secrets that are made here: the manager's fence key, and the passwords of those who log in to the
# database. They are ephemeral values that go into write-only arguments: neither the state nor a
# plan has them. Raise `generation` to make new ones.

ephemeral "aws_secretsmanager_random_password" "fence" {
  password_length            = 32 # hex digits: 16 bytes
  exclude_punctuation        = true
  exclude_uppercase          = true
  exclude_characters         = "ghijklmnopqrstuvwxyz"
  require_each_included_type = false
}

resource "aws_secretsmanager_secret" "fence" {
  name                    = "${var.name}/fence"
  description             = "The key of the fences of ${var.name}; for its managers only."
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "fence" {
  secret_id                = aws_secretsmanager_secret.fence.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.fence.random_password
  secret_string_wo_version = var.generation
}

ephemeral "aws_secretsmanager_random_password" "login" {
  for_each = var.logins

  password_length     = 40
  exclude_punctuation = true # it may come into a URL
}

resource "aws_secretsmanager_secret" "login" {
  for_each = var.logins

  name                    = "${var.name}/postgres/${each.key}"
  description             = "How the ${each.key} of ${var.name} logs in to PostgreSQL."
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "login" {
  for_each = var.logins

  secret_id = aws_secretsmanager_secret.login[each.key].id
  secret_string_wo = jsonencode({
    username = each.value
    password = ephemeral.aws_secretsmanager_random_password.login[each.key].random_password
  })
  secret_string_wo_version = var.generation
}
