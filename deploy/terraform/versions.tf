terraform {
  # 1.11 knows write-only arguments: no secret comes into the state.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# Region and credentials come from the environment, and so does an emulator: `AWS_ENDPOINT_URL`.
provider "aws" {
  default_tags {
    tags = var.tags == null ? { sortie = var.name } : var.tags
  }
}
