from web.http import validation as validation
