# RDS Proxy: for more functions at once than the server has connections. It has a certificate of a
# public authority, and takes the passwords from the same secrets as those who log in.

resource "aws_db_proxy" "proxy" {
  count = var.database.proxy ? 1 : 0

  name                   = var.name
  engine_family          = "POSTGRESQL"
  role_arn               = var.proxy_role_arn
  require_tls            = true
  vpc_subnet_ids         = var.subnets
  vpc_security_group_ids = [var.group]

  dynamic "auth" {
    for_each = var.login_arns
    content {
      auth_scheme               = "SECRETS"
      iam_auth                  = "DISABLED"
      client_password_auth_type = "POSTGRES_SCRAM_SHA_256"
      secret_arn                = auth.value
    }
  }
}

resource "aws_db_proxy_default_target_group" "proxy" {
  count = var.database.proxy ? 1 : 0

  db_proxy_name = aws_db_proxy.proxy[0].name

  connection_pool_config {
    # Some are left for the owner and for who looks after it.
    max_connections_percent   = 80
    connection_borrow_timeout = 5
  }
}

resource "aws_db_proxy_target" "proxy" {
  count = var.database.proxy ? 1 : 0

  db_proxy_name          = aws_db_proxy.proxy[0].name
  target_group_name      = aws_db_proxy_default_target_group.proxy[0].name
  db_instance_identifier = aws_db_instance.database.identifier
}
